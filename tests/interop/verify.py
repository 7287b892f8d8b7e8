"""Verifies tokens as an ordinary Python service would: with PyJWT, from the published key set
(PyJWKClient) or, for HS algorithms, with the shared secret.

    target/tools/venv/bin/python tests/interop/verify.py < requests

Requests, verdicts and exit status are those of verify.mjs: one JSON object a line, in and out.
"""

import json
import sys
from functools import cache

import jwt

key_set = cache(jwt.PyJWKClient)


def verdict(request):
    try:
        if "jwks_uri" in request:
            key = key_set(request["jwks_uri"]).get_signing_key_from_jwt(request["token"])
        else:
            key = request["secret"]
        token = jwt.decode_complete(
            request["token"],
            key,
            algorithms=[request["algorithm"]],
            issuer=request["issuer"],
            audience=request["audience"],
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
        )
        if token["header"].get("typ") != "at+jwt":  # PyJWT leaves it to its user
            raise jwt.InvalidTokenError("typ is not at+jwt")
        return {"accepted": True, "claims": token["payload"]}
    except jwt.exceptions.PyJWKClientConnectionError:
        raise  # no key set, no verdict
    except jwt.PyJWTError as error:
        return {"accepted": False, "error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    print(json.dumps(verdict(json.loads(line))), flush=True)
