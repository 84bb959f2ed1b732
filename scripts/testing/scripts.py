"""The scripts of the site: good ones, broken ones and endless ones."""

ECHO = """\
import os, sys
body = sys.stdin.buffer.read()
out = "Content-Type: text/plain\\r\\nX-Body-Bytes: %d\\r\\n\\r\\n" % len(body)
sys.stdout.buffer.write(out.encode() + body)
"""

ENVIRONMENT = """\
import os
print("Content-Type: text/plain\\r\\n\\r", flush=True)
for name, value in sorted(os.environ.items()):
    print(name + "=" + value)
"""

BESIDE = """\
import os
print("Content-Type: text/plain\\r\\n\\r", flush=True)
print(open("beside.txt").read(), end="")
"""

VISITS = """\
import os
from http.cookies import SimpleCookie
cookies = SimpleCookie(os.environ.get("HTTP_COOKIE", ""))
visits = int(cookies["visits"].value) + 1 if "visits" in cookies else 1
print("Content-Type: text/plain\\r")
print("Set-Cookie: visits=%d; Path=/scripts/; HttpOnly\\r" % visits)
print("Set-Cookie: colour=blue\\r\\n\\r")
print("visit %d, colour %s" % (visits, cookies["colour"].value if "colour" in cookies else "none"))
"""

LARGE = """\
import os, sys
print("Content-Type: application/octet-stream\\r\\n\\r", flush=True)
piece = bytes(range(256)) * 40
for _ in range(1000):
    sys.stdout.buffer.write(piece)
"""

STATUS = 'print("Status: 418 I am a teapot\\r\\nContent-Type: text/plain\\r\\n\\r\\nshort and stout")\n'
REDIRECT = 'print("Status: 302 Found\\r\\nLocation: http://elsewhere.test/from-a-script\\r\\n\\r")\n'
SHELL = 'printf "Content-Type: text/plain\\r\\n\\r\\n"\necho "a shell says $QUERY_STRING"\n'
# Writes its pid to a file, so that the tester can see whether the server has ended it.
ENDLESS_LOOP = 'import os\nopen("../run/loop.pid", "w").write(str(os.getpid()))\nwhile True:\n    pass\n'
ENDLESS_SLEEP = 'import os, time\nopen("../run/sleep.pid", "w").write(str(os.getpid()))\ntime.sleep(3600)\n'
ENDLESS_TALK = """\
import os, sys
open("../run/talk.pid", "w").write(str(os.getpid()))
print("Content-Type: text/plain\\r\\n\\r", flush=True)
while True:
    sys.stdout.write("and so on " * 1000)
"""
STOPS_HALFWAY = """\
import os, sys, time
print("Content-Type: text/plain\\r\\nContent-Length: 1000\\r\\n\\r\\nonly this", end="", flush=True)
os._exit(1)
"""

FILES = {
    "echo.py": ECHO,
    "environment.py": ENVIRONMENT,
    "sub/beside.py": BESIDE,
    "sub/beside.txt": "what stands beside the script\n",
    "visits.py": VISITS,
    "large.py": LARGE,
    "status.py": STATUS,
    "redirect.py": REDIRECT,
    "hello.sh": SHELL,
    "syntax.py": "print('Content-Type: text/plain\\r\\n\\r'\nthis is no Python\n",
    "exit1.py": "import sys\nsys.exit(1)\n",
    "no-header.py": "print('just text, and no header')\n",
    "bad-header.py": "print('this: is\\r\\nno header at all\\r\\n\\r\\ntext')\n",
    "nothing.py": "",
    "raises.py": "raise RuntimeError('as the tester asked for')\n",
    "killed.py": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "no-interpreter.cgi": "#!/nowhere/at-all\n",
    "halfway.py": STOPS_HALFWAY,
    "loop.py": ENDLESS_LOOP,
    "sleep.py": ENDLESS_SLEEP,
    "talk.py": ENDLESS_TALK,
}
