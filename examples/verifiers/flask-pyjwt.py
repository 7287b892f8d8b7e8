"""A service that trusts tokens by the published keys alone: Flask and PyJWT.

    pip install -r requirements.txt
    ISSUER=http://localhost:8080 PORT=3000 python flask-pyjwt.py

It asks the issuer for the key set and for nothing else, so it does not hear of revocations: a token
is good until it expires. README.md says what that means.
"""

import os
from functools import wraps

import jwt
from flask import Flask, g, jsonify, request
from werkzeug.serving import make_server

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
AUDIENCE = os.environ.get("AUDIENCE", ISSUER)

app = Flask(__name__)
keys = jwt.PyJWKClient(ISSUER + "/.well-known/jwks.json")


def refuse(why, challenge="Bearer"):
    return jsonify(error=why), 401, {"WWW-Authenticate": challenge}


def require_token(view):
    @wraps(view)
    def checked(*args, **kwargs):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return refuse("no token")
        try:
            # Every one of these has to be said: what is left out is not checked.
            verified = jwt.decode_complete(
                token,
                keys.get_signing_key_from_jwt(token),
                algorithms=["ES256"],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError:
            # Without keys nothing can be said about a token: that is no 401.
            return jsonify(error="the keys of the issuer cannot be had"), 503
        except jwt.PyJWTError as error:
            return refuse(type(error).__name__, 'Bearer error="invalid_token"')
        # PyJWT does not look at the kind of token.
        if verified["header"].get("typ") != "at+jwt":
            return refuse("typ", 'Bearer error="invalid_token"')
        g.caller = verified["payload"]
        return view(*args, **kwargs)

    return checked


@app.get("/hello")
@require_token
def hello():
    return jsonify(sub=g.caller["sub"])


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "3000")), app, threaded=True)
    print(f"http://localhost:{server.port}", flush=True)
    server.serve_forever()
