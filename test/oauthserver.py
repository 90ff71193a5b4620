"""A provider's OAuth 2.0 server: it lets everybody in, and remembers what it was asked.

HTTPS for the browser and for tokens, plain HTTP for Dovecot, which asks whose token it was given.
"""

import base64
import hashlib
import json
import secrets
import ssl
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLIENT = "letterlock-test"
SCOPE = "mail openid"


class OAuthServer:
    def __init__(self, directory, address):
        self.address = address  # whose mailbox it is
        self.life = 3600
        self.says_no = False  # at the token endpoint
        self.codes = {}
        self.access = set()
        self.refresh = set()
        self.grants = []
        self.offers = []
        self.directory = directory
        self.certificate = directory / "oauth.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", directory / "oauth.key", "-out", self.certificate, "-days", "2",
             "-subj", "/CN=oauth", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, directory / "oauth.key")
        self.secure = self.serve(self.tls)
        self.plain = self.serve(None)
        self.issuer = f"https://127.0.0.1:{self.secure.server_address[1]}/realm"
        self.info_url = f"http://127.0.0.1:{self.plain.server_address[1]}/info?access_token="

    def serve(self, tls):
        handler = type("Handler", (Handler,), {"oauth": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def close(self):
        for server in (self.secure, self.plain):
            server.shutdown()
            server.server_close()

    # what it does

    def metadata(self):
        base = self.issuer.removesuffix("/realm")
        return {"issuer": self.issuer, "authorization_endpoint": base + "/authorize",
                "token_endpoint": base + "/token",
                "code_challenge_methods_supported": ["S256"]}

    def authorize(self, query):
        self.offers.append(query)
        assert query["response_type"] == "code" and query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256" and query["scope"] == SCOPE
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        return query["redirect_uri"] + "?" + urllib.parse.urlencode(answer)

    def token(self, form):
        self.grants.append(form)
        if self.says_no or form["client_id"] != CLIENT:
            return 400, {"error": "invalid_grant"}
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if (asked is None or asked["code_challenge"] != challenge
                    or asked["redirect_uri"] != form["redirect_uri"]):
                return 400, {"error": "invalid_grant"}
        elif form["refresh_token"] not in self.refresh:
            return 400, {"error": "invalid_grant"}
        self.access.add(access := "access-" + secrets.token_urlsafe(16))
        self.refresh = {"refresh-" + secrets.token_urlsafe(16)}  # the one before is used up
        return 200, {"access_token": access, "token_type": "bearer", "expires_in": self.life,
                     "refresh_token": next(iter(self.refresh))}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def answer(self, status, json_body, **headers):
        body = json.dumps(json_body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/.well-known/oauth-authorization-server/realm":
            self.answer(200, self.oauth.metadata())
        elif url.path == "/authorize":
            self.answer(302, {}, Location=self.oauth.authorize(query))
        elif url.path == "/info" and query["access_token"] in self.oauth.access:
            self.answer(200, {"email": self.oauth.address})
        else:
            self.answer(401, {"error": "invalid_token"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(*self.oauth.token(dict(urllib.parse.parse_qsl(body))))
