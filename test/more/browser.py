"""Controls headless Chromium with the DevTools protocol: JSON messages, each followed by a NUL, through two pipes,
which are Chromium's descriptors 3 and 4. Only Python's standard library.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import subprocess
import tempfile
import time

from server import PATIENCE_S, fail, need

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
]  # fmt: skip


class Browser:
    """A running Chromium with a new profile; `with Browser() as browser:` ends it."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="webserv-chromium-", ignore_cleanup_errors=True)
        theirs_in, self.ours_out = os.pipe()
        self.ours_in, theirs_out = os.pipe()
        high_in, high_out = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out))

        def place():
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        command = [need("chromium"), *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(3, 4, high_in, high_out), preexec_fn=place, start_new_session=True,
        )  # fmt: skip
        for fd in (theirs_in, theirs_out, high_in, high_out):
            os.close(fd)
        self.rest, self.number, self.pages = b"", 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.send("Browser.close")
                self.process.wait(PATIENCE_S)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        os.close(self.ours_in)
        os.close(self.ours_out)
        self.profile.cleanup()

    def send(self, method, parameters=None, session=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.ours_out, data) :]
        return self.number

    def command(self, method, parameters=None, session=None):
        """Sends a command and returns its result; events that come before it are passed to their pages."""
        number = self.send(method, parameters, session)
        end = time.monotonic() + 2 * PATIENCE_S
        while True:
            message = self.receive(end - time.monotonic())
            if message is None:
                fail(f"Chromium does not answer {method}")
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]

    def receive(self, patience_s):
        """Reads the next message; returns None if none comes in time. Events are passed to their pages."""
        end = time.monotonic() + patience_s
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.ours_in], [], [], max(0, end - time.monotonic()))
            if not ready:
                return None
            data = os.read(self.ours_in, 1 << 20)
            if not data:
                fail(f"Chromium has ended with status {self.process.wait()}")
            self.rest += data
        text, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(text)
        page = self.pages.get(message.get("sessionId"))
        if page and "method" in message:
            page.happened(message["method"], message["params"])
        return message

    def open(self):
        """A new page, in a context that shares no cookies with the others."""
        context = self.command("Target.createBrowserContext")["browserContextId"]
        target = self.command("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.command("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            page.command(f"{domain}.enable")
        return page


class Page:
    """One tab: `status` of the page, `answers` as (url, status) of all files that it loads, `errors` of scripts and the
    console."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.errors, self.answers, self.status, self.loads = [], [], None, 0
        self.request = ""

    def happened(self, event, facts):
        if event == "Page.loadEventFired":
            self.loads += 1
        elif event == "Network.responseReceived":
            answer = (facts["response"]["url"], facts["response"]["status"])
            if facts["type"] == "Document":
                self.status, self.request = answer[1], facts["requestId"]
            else:
                self.answers.append(answer)
        elif event == "Network.loadingFailed" and not facts.get("canceled"):
            self.errors.append(f"a request failed: {facts['errorText']}")
        elif event == "Runtime.exceptionThrown":
            self.errors.append(f"exception: {facts['exceptionDetails'].get('exception', {}).get('description')}")
        elif event == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{facts['entry']['text']} {facts['entry'].get('url', '')}")
        elif event == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning", "assert"):
            self.errors.append(f"console: {facts['args']}")

    def command(self, method, **parameters):
        return self.browser.command(method, parameters, self.session)

    def go(self, url):
        self.errors.clear()
        self.answers.clear()
        self.during(lambda: self.navigate(url))

    def navigate(self, url):
        trouble = self.command("Page.navigate", url=url).get("errorText")
        if trouble:
            fail(f"{url} cannot be shown (is it a download?): {trouble}")

    def during(self, action):
        """Calls a function that makes the tab load another page, and waits until it is loaded."""
        before = self.loads
        action()
        self.wait(lambda: self.loads > before, f"a page after {self.evaluate('location.href')}")

    def wait(self, check, what):
        """Waits until `check`, a function or a JavaScript expression, returns a true value."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            result = check() if callable(check) else self.evaluate(check)
            if result:
                return result
            self.browser.receive(0.02)
        fail(f"{what}: not within {PATIENCE_S} s; the page is {self.evaluate('location.href')}:\n{self.text()}")

    def evaluate(self, expression):
        """The value of an expression of JavaScript; a promise is awaited."""
        done = self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def source(self):
        """The source of the page, as the server sent it."""
        return self.command("Network.getResponseBody", requestId=self.request)["body"]

    def text(self, selector="body"):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector):
        """Clicks the middle of an element with the mouse; an element on top of it would get the click."""
        place = self.evaluate(
            f"(() => {{ const it = document.querySelector({json.dumps(selector)}); if (!it) return null;"
            "it.scrollIntoView({block: 'center', behavior: 'instant'}); const box = it.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        if place is None:
            fail(f"no {selector} to click on {self.evaluate('location.href')}:\n{self.text()}")
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def fill(self, selector, text):
        """Replaces the content of an input by typing."""
        self.evaluate(f"(it => {{ it.focus(); it.select(); }})(document.querySelector({json.dumps(selector)}))")
        self.command("Input.insertText", text=text)

    def choose_file(self, selector, path):
        root = self.command("DOM.getDocument")["root"]["nodeId"]
        node = self.command("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", nodeId=node, files=[path])

    def press(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def look(self, width=1280, scheme="light"):
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def scripts(self, on):
        self.command("Emulation.setScriptExecutionDisabled", value=not on)

    def screenshot(self, path):
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
