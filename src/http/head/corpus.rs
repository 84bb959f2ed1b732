//! Heads as programs send them, for the tests of splits and mutations.

/// From browsers, command-line clients, load generators and libraries.
pub const VALID: &[&[u8]] = &[
    // wrk 4.1
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
    // curl 7.88
    b"GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
    // curl -r 0-99 -z DATE
    b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-99\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
        If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    // curl -T, with the pause for 100
    b"PUT /up HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nContent-Length: 1048577\r\n\
        Expect: 100-continue\r\n\r\n",
    // curl -T -, -x
    b"POST http://example.org/form?a=b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
        Proxy-Connection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nUser-Agent: curl/8.5.0\r\n\
        Proxy-Connection: Keep-Alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
    // ab -k
    b"GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:8080\r\nUser-Agent: ApacheBench/2.3\r\n\
        Accept: */*\r\n\r\n",
    // Chromium 120, a page and its icon
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n\
        sec-ch-ua: \"Not_A Brand\";v=\"8\", \"Chromium\";v=\"120\"\r\nsec-ch-ua-mobile: ?0\r\n\
        sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
        (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n\
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
        Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n\
        Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n",
    b"GET /favicon.ico HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
        (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n\
        Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n\
        Referer: http://localhost:8080/\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\
        If-None-Match: \"65a1b2c3-400\"\r\nIf-Modified-Since: Fri, 12 Jan 2024 21:44:35 GMT\r\n\r\n",
    // Firefox 115 with cookies
    b"GET /a%20b/?q=%C3%A9&x=y HTTP/1.1\r\nHost: www.example.org\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n\
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
        Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\nDNT: 1\r\nConnection: keep-alive\r\n\
        Cookie: session=0123456789abcdef; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\nPragma: no-cache\r\n\
        Cache-Control: no-cache\r\n\r\n",
    // Safari's range request for a video
    b"GET /v.mp4 HTTP/1.1\r\nHost: example.org\r\nX-Playback-Session-Id: 00000000-0000-0000-0000-000000000000\r\n\
        Range: bytes=0-1\r\nAccept: */*\r\nUser-Agent: AppleCoreMedia/1.0.0 (Macintosh; U; Intel Mac OS X)\r\n\
        Accept-Language: en-GB\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n",
    // A WebSocket's opening
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\nSec-WebSocket-Version: 13\r\n\r\n",
    // Go, Python, git, a WebDAV client
    b"GET / HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n",
    b"HEAD /simple/ HTTP/1.1\r\nHost: localhost\r\nUser-Agent: python-requests/2.31.0\r\n\
        Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: close\r\n\r\n",
    b"POST /repo.git/git-upload-pack HTTP/1.1\r\nHost: localhost\r\nUser-Agent: git/2.39.2\r\n\
        Accept-Encoding: deflate, gzip\r\nContent-Type: application/x-git-upload-pack-request\r\n\
        Accept: application/x-git-upload-pack-result\r\nGit-Protocol: version=2\r\nContent-Length: 173\r\n\r\n",
    b"PROPFIND /dav/ HTTP/1.1\r\nHost: localhost\r\nDepth: 1\r\nContent-Length: 0\r\nUser-Agent: gvfs/1.50.3\r\n\r\n",
    // netcat: bare LF; HTTP/1.0 without any field; empty lines first
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"\r\n\r\nGET /after/empty/lines HTTP/1.1\r\nHost: a\r\n\r\n",
    // Odd but right: obs-text, tabs, empty values, lower-case names, repeated fields
    b"GET /~a;b=c/!$&'()*+,:@-._|^`{}\"<>\\[] HTTP/1.9\r\n\
        host:\tEXAMPLE.org.:80\t \r\nx-a:\r\nX-A: \xe9\t\xff\r\nx-a:b\r\n\r\n",
];

/// One for each kind of mistake; the tables of the tests say what is wrong with such heads.
pub const INVALID: &[&[u8]] = &[
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
    b"GET /\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"G\tT / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\rHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: a miracle\r\n\r\n",
    b"\r\n\r\n\r\n\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"AMETHODOFMORETHANTHIRTYTWOBYTESTT / HTTP/1.1\r\nHost: a\r\n\r\n",
];
