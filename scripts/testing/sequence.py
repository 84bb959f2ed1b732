"""Part one: the sequence of the school's tester, in the same order, with the same sizes, on one connection."""

from . import workers
from .bodies import CHUNK_BYTES, LETTERS, ONES, UPPER, Body, Differs, Expected
from .checks import Failure, check, expect_status

GROUP = "sequence"
MB = 1_000_000
# Long enough for a body of 100 MB that waits for 19 others on a busy machine.
LOAD_PATIENCE_S = 300
POSTED = ["Content-Type: test/file"]
FOLDER_HINT = "root YoupiBanane for /directory/, with index youpi.bad_extension"


def simple(method, path, status, hint, body=None, fields=()):
    """A request with one correct status."""
    size = f" of {body.size:,} bytes" if body else ""

    @check(GROUP, f"{method} {path}{size}: {status}", f"status {status}", hint)
    def _(target):
        expect_status(target.session.ask(method, path, fields, body, follow=method == "GET"), status)


simple("GET", "/", 200, "the root serves its index file")
simple("POST", "/", 405, "/ takes GET only", Body(0), POSTED)
simple("HEAD", "/", 405, "/ takes GET only, and GET does not bring HEAD along")
simple("GET", "/directory", 200, FOLDER_HINT)
simple("GET", "/directory/youpi.bad_extension", 200, FOLDER_HINT)
simple("GET", "/directory/youpi.bla", 200, FOLDER_HINT)
simple("GET", "/directory/oulalala", 404, "nothing of that name is there")
simple("GET", "/directory/nop", 200, "a folder is answered with its index file, also after a redirect to its slash")
simple("GET", "/directory/nop/", 200, "a folder is answered with its index file")
simple("GET", "/directory/nop/other.pouic", 200, "a file below a folder of the route")
simple("GET", "/directory/nop/other.pouac", 404, "nothing of that name is there")
simple("GET", "/directory/Yeah", 404, "a folder without its index file is 404, not 403 and not a listing")
simple("GET", "/directory/Yeah/not_happy.bad_extension", 200, "a file in a folder without an index file")


def stored(target, path, size):
    """Checks that the stored file is complete, as far as the tester can see it."""
    sink = Expected(size, LETTERS)
    if not target.folder:
        status = target.session.ask("GET", f"/{path}", sink=sink).status
        return "fetched back" if status == 200 else f"not fetched back: GET is answered with {status}"
    try:
        with open(f"{target.folder}/{path}", "rb") as file:
            while piece := file.read(CHUNK_BYTES):
                sink.feed(memoryview(piece))
        sink.finish()
    except Differs as differs:
        raise Failure(f"PUT /{path}", "the file as it was sent", f"in {file.name}: {differs}") from None
    return "read from the folder"


def put(size, *statuses):
    path = "put_test/file_should_exist_after"
    wanted = " or ".join(map(str, statuses))

    @check(GROUP, f"PUT /{path} of {size:,} bytes: {wanted}", f"status {wanted}, and the file whole",
           "/put_test/ stores what is PUT: 201 for a new file, 200 or 204 for one that is replaced")  # fmt: skip
    def _(target):
        response = target.session.ask("PUT", f"/{path}", body=Body(size))
        if 201 in statuses and not target.folder and response.status in (200, 204):
            return "the file was there from before"
        expect_status(response, *statuses)
        return stored(target, path, size)


put(1_000, 201)
put(10 * MB, 200, 204)


def upper(target, path, size, session):
    """POSTs `size` letters, and expects them back in upper case."""
    expect_status(session.ask("POST", path, POSTED, Body(size), sink=Expected(size, UPPER)), 200)


def program(path, hint):
    @check(GROUP, f"POST {path} of 100,000,000 bytes: 200, in upper case", "status 200, the body in upper case", hint)
    def _(target):
        with target.new_session(LOAD_PATIENCE_S) as session:
            upper(target, path, target.scaled(100 * MB), session)


program("/directory/youpi.bla", "each POST to *.bla runs the tester's program, with PATH_INFO as the URL's whole path")
program("/directory/youpla.bla", "the program runs whether a file of that name is there or not")


@check(GROUP, "POST /directory/youpi.bla of 100,000 bytes with X-Secret-Header-For-Test: 1: 200, every byte 1",
       "status 200, every byte \"1\"", "a request's fields reach the program as HTTP_*")  # fmt: skip
def _(target):
    fields = [*POSTED, "X-Secret-Header-For-Test: 1"]
    sink = Expected(100_000, ONES)
    expect_status(target.session.ask("POST", "/directory/youpi.bla", fields, Body(100_000), sink=sink), 200)


for size, status in [(0, 200), (100, 200), (101, 413), (200, 413)]:
    simple("POST", "/post_body", status, "the limit of /post_body is 100 bytes, chunked or not", Body(size), POSTED)


def gets(number, each, path):
    @check(GROUP, f"{number} workers x {each:,} GET {path}: 200, all", "status 200 for each",
           "what one client gets, many get at the same time")  # fmt: skip
    def _(target):
        count = target.scaled(each)

        def job(_, tick):
            with target.new_session(LOAD_PATIENCE_S) as session:
                for _ in range(count):
                    expect_status(session.ask("GET", path, follow=True), 200)
                    tick()

        workers.run(number, job, count, target.progress)
        return f"{number * count:,} requests" if count != each else ""


gets(5, 15, "/")
gets(20, 5_000, "/")
gets(128, 50, "/directory/nop")


@check(GROUP, "20 workers x 5 PUT /put_test/multiple_same of 1,000,000 bytes: 2xx, the file whole",
       "status 200, 201 or 204 for each, the file whole",
       "uploads of one name at the same time: the last one stands, none is mixed with another")  # fmt: skip
def _(target):
    size, each = target.scaled(MB), 5

    def job(_, tick):
        with target.new_session(LOAD_PATIENCE_S) as session:
            for _ in range(each):
                expect_status(session.ask("PUT", "/put_test/multiple_same", body=Body(size)), 200, 201, 204)
                tick()

    workers.run(20, job, each, target.progress)
    return stored(target, "put_test/multiple_same", size)


@check(GROUP, "20 workers x 5 POST /directory/youpi.bla of 100,000,000 bytes: 200, in upper case",
       "status 200 and the body in upper case for each", "20 programs at the same time, 2 GB on their way")  # fmt: skip
def _(target):
    size, each = target.scaled(100 * MB), 5

    def job(_, tick):
        with target.new_session(LOAD_PATIENCE_S) as session:
            for _ in range(each):
                upper(target, "/directory/youpi.bla", size, session)
                tick()

    workers.run(20, job, each, target.progress)
    return f"{100 * size:,} bytes each way"
