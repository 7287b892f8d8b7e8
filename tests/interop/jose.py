"""Makes and reads keys and tokens with joserfc and PyJWT, for the comparison with countersign-jose
(crates/jose/tests/interop).

    target/tools/venv/bin/python tests/interop/jose.py < tasks

Tasks and outcomes are those of jose.mjs; "library" says which of the two is meant. PyJWT does not
make keys and does not encrypt: its keys come from `cryptography`, through joserfc.
"""

import json
import sys
from functools import cache

import jwt
from joserfc import jwe, jwk, jws
from joserfc import jwt as joserfc_jwt

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
CURVES |= {"EdDSA": "Ed25519", "Ed25519": "Ed25519", "Ed448": "Ed448"}
BITS = {"A128CBC-HS256": 256, "A192CBC-HS384": 384, "A256CBC-HS512": 512}

# To make or read an RSA key takes longer than all that is done with it: once is enough.
rsa_key = cache(jwk.RSAKey.generate_key)


@cache
def read(text):
    key = json.loads(text)
    if "jwk" in key:
        return jwk.import_key(key["jwk"])
    return jwk.import_key(key["pem"], key["kty"])


class Joserfc:
    def has(self, alg):
        return {"has": alg in jws.JWSRegistry.algorithms}

    def key(self, key, alg):
        return read(json.dumps(key))

    def generate(self, alg, enc=None, crv=None, bits=2048):
        if alg == "dir" or alg[0] in "HA":
            name = enc if alg == "dir" else alg
            bits = BITS.get(name) or int("".join(filter(str.isdigit, name)))
            return {"private_jwk": jwk.OctKey.generate_key(bits).as_dict(private=True)}
        if alg[:2] in ("RS", "PS"):
            key = rsa_key(bits)
        else:
            crv = crv or CURVES[alg]
            kind = jwk.OKPKey if crv in ("Ed25519", "Ed448", "X25519", "X448") else jwk.ECKey
            key = kind.generate_key(crv)
        return {
            "private_jwk": key.as_dict(private=True),
            "public_jwk": key.as_dict(private=False),
            "private_pem": key.as_pem(private=True).decode(),
            "public_pem": key.as_pem(private=False).decode(),
        }

    def thumbprint(self, key, alg):
        return {"thumbprint": self.key(key, alg).thumbprint()}

    def sign(self, key, alg, header, payload):
        header = {"alg": alg, **header}
        return {"token": jws.serialize_compact(header, payload, self.key(key, alg), [alg])}

    def verify(self, key, alg, token):
        return {"payload": jws.deserialize_compact(token, self.key(key, alg), [alg]).payload.decode()}

    def verify_by_set(self, keys, alg, token):
        keys = jwk.KeySet.import_key_set(keys)
        return {"payload": jws.deserialize_compact(token, keys, [alg]).payload.decode()}

    def encrypt(self, key, alg, enc, header, plaintext):
        header = {"alg": alg, "enc": enc, **header}
        allowed = [alg, enc, *filter(None, [header.get("zip")])]
        return {"token": jwe.encrypt_compact(header, plaintext, self.key(key, alg), allowed)}

    def decrypt(self, key, alg, enc, token):
        allowed = [alg, enc, "DEF"]
        return {"plaintext": jwe.decrypt_compact(token, self.key(key, alg), allowed).plaintext.decode()}

    def seal(self, key, alg, typ, to, to_alg, enc, claims):
        key = self.key(key, alg)
        signed = joserfc_jwt.encode({"alg": alg, "typ": typ}, claims, key, [alg])
        return self.encrypt(to, to_alg, enc, {"cty": "JWT"}, signed)

    def unseal(self, token, own, own_alg, enc, key, alg, typ, issuer, audience, now):
        outer = jwe.decrypt_compact(token, self.key(own, own_alg), [own_alg, enc])
        inner = joserfc_jwt.decode(outer.plaintext, self.key(key, alg), [alg])
        if outer.headers()["cty"] != "JWT" or inner.header["typ"] != typ:
            raise ValueError("another cty or typ")
        expected = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": audience},
            "exp": {"essential": True},
        }
        joserfc_jwt.JWTClaimsRegistry(now=now, leeway=0, **expected).validate(inner.claims)
        return {"claims": inner.claims}


class PyJWT:
    signatures = jwt.PyJWS()

    def has(self, alg):
        return {"has": alg in self.signatures.get_algorithms()}

    def key(self, key, alg):
        if "jwk" in key:
            return jwt.PyJWK(key["jwk"], alg)
        return self.signatures.get_algorithm_by_name(alg).prepare_key(key["pem"])

    def generate(self, alg, **kind):
        made = Joserfc().generate(alg, **kind)
        algorithm = self.signatures.get_algorithm_by_name(alg)
        for name in {"private_jwk", "public_jwk"} & made.keys():
            made[name] = algorithm.to_jwk(algorithm.from_jwk(made[name]), as_dict=True)
        return made

    def thumbprint(self, key, alg):
        # PyJWT has none of its own: that of its export, by joserfc.
        algorithm = self.signatures.get_algorithm_by_name(alg)
        read = self.key(key, alg)
        exported = algorithm.to_jwk(read.key if "jwk" in key else read, as_dict=True)
        return {"thumbprint": jwk.import_key(exported).thumbprint()}

    def sign(self, key, alg, header, payload):
        key = self.key(key, alg)
        return {"token": self.signatures.encode(payload.encode(), key, alg, header)}

    def verify(self, key, alg, token):
        return {"payload": self.signatures.decode(token, self.key(key, alg), [alg]).decode()}

    def verify_by_set(self, keys, alg, token):
        keys = jwt.PyJWKSet.from_dict(keys)
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return {"payload": self.signatures.decode(token, key, [alg]).decode()}


libraries = {"joserfc": Joserfc(), "PyJWT": PyJWT()}

for line in sys.stdin:
    task = json.loads(line)
    do = getattr(libraries[task.pop("library")], task.pop("do"))
    try:
        outcome = do(**task)
    except Exception as error:
        outcome = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(outcome), flush=True)
