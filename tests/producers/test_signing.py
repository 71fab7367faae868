"""Requests are signed byte for byte as botocore signs them."""

import random
import string
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from producers.signing import Credentials, signature

REQUESTS = 10_000
KEY_CHARACTERS = string.ascii_letters + string.digits + "+/="
HEADER_CHARACTERS = string.ascii_letters + string.digits + " .:;,/=_-+"
REGIONS = ("eu-west-2", "us-east-1", "ap-southeast-4", "me-central-1")


def text(choice: random.Random, characters: str, most: int) -> str:
    return "".join(choice.choices(characters, k=choice.randint(1, most)))


def test_ten_thousand_generated_requests_are_signed_as_botocore_signs_them():
    choice = random.Random(16)
    for _ in range(REQUESTS):
        at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=choice.randrange(10**9))
        token = text(choice, KEY_CHARACTERS, 400) if choice.random() < 0.7 else None
        key, secret = text(choice, string.ascii_uppercase + string.digits, 20), text(choice, KEY_CHARACTERS, 40)
        region, service = choice.choice(REGIONS), choice.choice(("kinesis", "dynamodb"))
        port = choice.choice(("", ":8443", ":4566"))
        host = f"{service}.{region}.amazonaws.com{port}"
        body = choice.randbytes(choice.choice((0, 1, 63, 64, 65, 500)))
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": text(choice, HEADER_CHARACTERS, 60),
            **{f"x-{text(choice, string.ascii_lowercase, 8)}": text(choice, HEADER_CHARACTERS, 40) for _ in range(2)},
        }
        theirs = AWSRequest("POST", f"https://{host}/", headers=dict(headers), data=body)
        with patch.object(auth, "get_current_datetime", lambda at=at: at):
            auth.SigV4Auth(BotocoreCredentials(key, secret, token), service, region).add_auth(theirs)
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        signed = {**headers, "host": host, "x-amz-date": stamp, **({"x-amz-security-token": token} if token else {})}
        ours = signature(Credentials(key, secret, token), signed, body, region=region, service=service, at=stamp)
        assert ours == theirs.headers["Authorization"], (signed, body)
