"""The shipped site with the shipped configuration, for the tests in this directory."""

import os
import shutil

from server import ROOT, Server, fail, free_port


class Demo(Server):
    """The site as `cargo run` serves it, in a writable copy."""

    def configure(self, root, body, events, main="", http=""):
        shutil.copytree(os.path.join(ROOT, "html"), os.path.join(self.folder, "html"), dirs_exist_ok=True)
        shutil.copytree(os.path.join(ROOT, "config"), os.path.join(self.folder, "config"))
        self.config = os.path.join(self.folder, "config", "default.conf")
        self.other_port = free_port()
        for old, new in (("8080", str(self.port)), ("8081", str(self.other_port)), ("# access_log", "access_log")):
            self.replace(old, new)

    def replace(self, old, new):
        """Changes the configuration before the server starts."""
        with open(self.config) as file:
            text = file.read()
        if old not in text:
            fail(f"no {old!r} in {self.config}")
        with open(self.config, "w") as file:
            file.write(text.replace(old, new))

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"


class NoPython(Demo):
    """The same site without a python3."""

    def configure(self, root, body, events, main="", http=""):
        super().configure(root, body, events)
        self.replace("cgi_param             PYTHON", "cgi_param PATH /nowhere; cgi_param PYTHON")


class ReadOnly(Demo):
    """The same site where nothing can be stored. (Permissions would not stop root.)"""

    def configure(self, root, body, events, main="", http=""):
        super().configure(root, body, events)
        shutil.rmtree(os.path.join(self.folder, "html", "files"))
        self.write("var", b"a file where a folder should be")
