#!/usr/bin/env python3
"""Log in, keep notes, log out: sessions are stored in sqlite, and a cookie identifies the session of a browser.

The cookie holds a random token; the database holds only its hash, so that a stolen database gives no access to sessions.
Each form of a session carries a second token, which other sites cannot know. Notes are deleted with their session.
"""

import hashlib
import hmac
import http.cookies
import os
import secrets
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

DATA = os.path.join(os.path.dirname(page.ROOT), "var")  # beside the site, not in it: nothing here is served
HERE = os.environ.get("SCRIPT_NAME", "/cgi/session.py")
USER, PASSWORD = "demo", "pumps and pipes"
LIFETIMES_S = {"60": "one minute", "1800": "half an hour"}
NOTES_MAX, NOTE_CHARS_MAX, SESSIONS_MAX = 50, 300, 1000
SCHEMA = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, salt BLOB, hash BLOB);
CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY, user TEXT, form_token TEXT, began INTEGER, ends INTEGER);
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, token_hash TEXT REFERENCES sessions ON DELETE CASCADE, text TEXT);
"""


def hash_password(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", "replace"), salt, 100_000)


def hash_token(token):
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def open_database():
    """At the first use, creates the folder, the tables and the demo's user. Deletes expired sessions."""
    os.umask(0o077)
    os.makedirs(DATA, exist_ok=True)
    db = sqlite3.connect(os.path.join(DATA, "demo.sqlite3"), timeout=10)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
        db.executescript(SCHEMA)
        salt = secrets.token_bytes(16)
        db.execute("INSERT OR IGNORE INTO users VALUES (?, ?, ?)", (USER, salt, hash_password(PASSWORD, salt)))
    db.execute("DELETE FROM sessions WHERE ends <= ?", (int(time.time()),))
    db.commit()
    return db


def cookie_token():
    try:
        morsel = http.cookies.SimpleCookie(os.environ.get("HTTP_COOKIE", "")).get("session")
    except http.cookies.CookieError:
        return ""
    return morsel.value if morsel else ""


def find_session(db):
    return db.execute("SELECT * FROM sessions WHERE token_hash = ?", (hash_token(cookie_token()),)).fetchone()


def cookie(value, age_s):
    """HttpOnly: scripts cannot read it. SameSite=Lax: the browser does not send it with forms of other sites."""
    return ("Set-Cookie", f"session={value}; Path={HERE}; Max-Age={age_s}; HttpOnly; SameSite=Lax")


def log_in(db, form):
    user = db.execute("SELECT * FROM users WHERE name = ?", (form.get("user", ""),)).fetchone()
    salt, known = (user["salt"], user["hash"]) if user else (b"nobody", b"")  # an unknown name takes as long
    if not hmac.compare_digest(hash_password(form.get("password", ""), salt), known):
        return show_login("That is not the name and the password below.", "403 Forbidden")
    if db.execute("SELECT count(*) FROM sessions").fetchone()[0] >= SESSIONS_MAX:
        return page.fault("Too many sessions", "Try again when a session has expired.", "503 Service Unavailable")
    age_s = int(form["lifetime"]) if form.get("lifetime") in LIFETIMES_S else 1800
    token, now = secrets.token_urlsafe(32), int(time.time())
    row = (hash_token(token), user["name"], secrets.token_urlsafe(32), now, now + age_s)
    db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
    page.redirect(HERE, [cookie(token, age_s)])


def change(db, session, form):
    """Carries out the action of a session's form."""
    key = session["token_hash"]
    if not hmac.compare_digest(form.get("token", "").encode(), session["form_token"].encode()):
        return page.fault("Not from here", "This form does not carry the token of your session.", "403 Forbidden")
    if form.get("action") == "logout":
        db.execute("DELETE FROM sessions WHERE token_hash = ?", (key,))
        return page.redirect(HERE, [cookie("", 0)])
    text = form.get("note", "").strip()[:NOTE_CHARS_MAX]
    count = db.execute("SELECT count(*) FROM notes WHERE token_hash = ?", (key,)).fetchone()[0]
    if form.get("action") == "note" and text and count < NOTES_MAX:
        db.execute("INSERT INTO notes (token_hash, text) VALUES (?, ?)", (key, text))
    if form.get("action") == "forget" and form.get("id", "").isdecimal():
        db.execute("DELETE FROM notes WHERE id = ? AND token_hash = ?", (int(form["id"][:15]), key))
    page.redirect(HERE)


def show_login(message="", status="200 OK"):
    out = '<section>\n<h1>Log in</h1>\n<p class="lead">A Python program stores sessions in sqlite. A cookie in'
    out += " your browser identifies your session.</p>\n"
    if message:
        out += f'<p class="message" role="alert">{page.escape(message)}</p>\n'
    choices = "".join(f'<option value="{s}">{text}</option>' for s, text in reversed(LIFETIMES_S.items()))
    out += f"""<form class="column" method="post" action="{page.escape(HERE)}">
<input type="hidden" name="action" value="login">
<label>Name <input name="user" autocomplete="username" required maxlength="100"></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required maxlength="100"></label>
<label>Stay for <select name="lifetime">{choices}</select></label>
<button>Log in</button>
</form>
<p>The name is <code>{USER}</code>, the password <code>{PASSWORD}</code>.</p>
</section>
"""
    page.send("Log in", out + WHAT_HAPPENS, status)


def show_session(db, session):
    token = f'<input type="hidden" name="token" value="{page.escape(session["form_token"])}">'
    clock = lambda seconds: time.strftime("%H:%M:%S", time.localtime(seconds))  # noqa: E731
    start = f'<form method="post" action="{page.escape(HERE)}">{token}'
    notes = ""
    for note in db.execute("SELECT * FROM notes WHERE token_hash = ? ORDER BY id DESC", (session["token_hash"],)):
        notes += f'<li><p>{page.escape(note["text"])}</p>\n{start}<input type="hidden" name="action" value="forget">'
        notes += f'<button class="quiet" name="id" value="{note["id"]}">Delete</button></form></li>\n'
    out = f"""<section>
<h1>Hello, {page.escape(session["user"])}</h1>
<p class="lead">Your session began at {clock(session["began"])} and ends at {clock(session["ends"])}, unless you
log out before.</p>
<form class="row" method="post" action="{page.escape(HERE)}">{token}<input type="hidden" name="action" value="note">
<label>A note <input name="note" required maxlength="{NOTE_CHARS_MAX}" autocomplete="off"></label>
<button>Keep it</button>
</form>
<ul class="files">
{notes}</ul>
{start}<input type="hidden" name="action" value="logout">
<button class="quiet">Log out</button> and delete the notes</form>
</section>
"""
    page.send("Session", out + WHAT_HAPPENS)


WHAT_HAPPENS = """<section class="text">
<h2>What happens</h2>
<p>The server passes the field Cookie on to the program as <code>HTTP_COOKIE</code>, and the program\u2019s Set-Cookie to your
browser. The program does the rest (<a href="/source/cgi/session.py"><code>session.py</code></a>):</p>
<ul>
<li>The cookie is a random token. <code>HttpOnly</code> hides it from scripts; with <code>SameSite=Lax</code> the
browser does not send it with forms of other sites.</li>
<li>The database has the token\u2019s hash, the time when the session ends, and the notes. The program creates it at the
first visit, in <code>var/</code>, which is beside <code>html/</code>, so that no URL leads to it.</li>
<li>Each form carries a second token, so that no other site can log you out or write in your name.</li>
<li>The answer to a form is 303, so that a reload does not send the form again.</li>
</ul>
<p>These tasks did the work: Http1 started CgiStart, which started the program. CgiWrite sent it the form, CgiRead read its
answer, and ProcessExit waited for its end. <a href="/demo/programs.html#who">More about these tasks</a></p>
</section>
"""


def main():
    db = open_database()
    session = find_session(db)
    with db:
        if os.environ.get("REQUEST_METHOD") != "POST":
            return show_session(db, session) if session else show_login()
        if not page.from_this_site():
            return page.fault("Not from here", "This form was sent by another site.", "403 Forbidden")
        form = page.form()
        if form.get("action") == "login":
            return log_in(db, form)
        if not session:
            return show_login("Your session is over.", "403 Forbidden")
        change(db, session, form)


try:
    main()
except (OSError, sqlite3.Error) as error:
    print(f"session.py: {error}", file=sys.stderr)
    why = f"{error}: sessions are kept in {DATA}. Is this copy of the site read-only?"
    page.fault("The database cannot be used", why, "500 Internal Server Error")
