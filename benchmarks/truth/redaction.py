"""Plants secrets of known kinds in log lines and counts how many come through, and how much of what is no secret is masked.

Prints Markdown, and writes it into docs/truth.md for `make truth`. Seeds are fixed; every secret is drawn here and opened nothing.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import string
import sysconfig
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from analyzer.report.redaction import redact
from benchmarks.truth.document import Reached, at_least, at_most, made_by, program

RUNS = 200
SEED = 20_260_919
ROOT = Path(__file__).parent.parent.parent
LETTERS = string.ascii_letters + string.digits
URL_SAFE = LETTERS + "-_"
BASE32 = string.ascii_uppercase + "234567"
BASE36 = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
# As much of a secret as may be left: so many characters of it in a row would be of use to somebody.
PART = 8
LEAST_RECALL, MOST_MISTAKES = 0.99, 0.01
Draw = Callable[[random.Random], str]


def some(alphabet: str, length: int) -> Draw:
    return lambda chance: "".join(chance.choices(alphabet, k=length))


def base64_of(size: int) -> Draw:
    return lambda chance: base64.b64encode(chance.randbytes(size)).decode().rstrip("=")


def luhn(chance: random.Random) -> str:
    """A card number with the check digit that it has to have."""
    digits = [4, *(chance.randrange(10) for _ in range(14))]
    total = sum(sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits))
    return "".join(map(str, [*digits, -total % 10]))


def iban(chance: random.Random) -> str:
    account = some(string.digits, 18)(chance)
    return f"DE{98 - int(f'{account}131400') % 97:02d}{account}"


def address(chance: random.Random) -> str:
    return f"{some(string.ascii_lowercase, 6)(chance)}.{some(string.ascii_lowercase, 8)(chance)}@example.com"


def network(chance: random.Random) -> str:
    """None of the machine's own, which begin with 127."""
    first = chance.choice([one for one in range(11, 224) if one not in (127, 169)])
    return ".".join(map(str, [first, *(chance.randrange(11, 250) for _ in range(3))]))


def word(chance: random.Random) -> str:
    """As people choose passwords."""
    return "-".join(some(string.ascii_lowercase, 6)(chance) for _ in range(3)) + str(chance.randrange(100))


def pem(chance: random.Random) -> str:
    return "\n".join(some(LETTERS + "+/", 64)(chance) for _ in range(3))


def identifier(chance: random.Random) -> str:
    return str(uuid.UUID(bytes=chance.randbytes(16), version=4))


NAMELESS = "using {} for this call"
# What a secret is, how it is drawn, and what it stands in.
KINDS: list[tuple[str, Draw, str]] = [
    ("AWS access key", some(BASE32, 16), "AKIA{}"),
    ("AWS secret key", some(LETTERS + "+/", 40), "aws_secret_access_key={}"),
    ("AWS session token", base64_of(180), "IQoJb3JpZ2lu{}"),
    ("private key", pem, "-----BEGIN RSA PRIVATE " + "KEY-----\n{}\n-----END RSA PRIVATE " + "KEY-----"),
    ("JSON web token", some(URL_SAFE, 43), "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}"),
    ("GitHub token", some(LETTERS, 36), "ghp_{}"),
    ("GitLab token", some(URL_SAFE, 20), "glpat-{}"),
    ("Slack token", some(LETTERS, 24), "xoxb-123456789012-{}"),
    ("Slack webhook", some(LETTERS, 24), "https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/{}"),
    ("Stripe key", some(LETTERS, 24), "sk_live_{}"),
    ("Google key", some(URL_SAFE, 35), "AIza{}"),
    ("npm token", some(LETTERS, 36), "npm_{}"),
    ("SendGrid key", some(URL_SAFE, 43), "SG.abcdefghijklmnopqrstuv.{}"),
    ("bearer token", some(LETTERS, 32), "Authorization: Bearer {}"),
    ("user and password, basic", lambda chance: base64_of(24)(chance) + "==", "Authorization: Basic {}"),
    ("cookie of a session", some(LETTERS, 32), "Cookie: theme=dark; session={}"),
    ("password, of words", word, "password={}"),
    ("password, random", some(LETTERS + "!#*", 14), "DB_PASSWORD: {}"),
    ("secret, hexadecimal", some(HEX, 32), "client_secret={}"),
    ("API key", some(HEX, 32), "x-api-key: {}"),
    ("user and password in a URL", some(LETTERS, 16), "postgres://app:{}@db.internal:5432/orders"),
    ("signature of a URL", some(HEX, 64), "https://b.s3.amazonaws.com/k?X-Amz-Signature={}&X-Amz-Expires=60"),
    ("e-mail address", address, "no such user {}"),
    ("address on the network", network, "refused by {}:5432"),
    ("telephone number", some("23456789", 9), "calling +49{}"),
    ("card number", luhn, "card {}"),
    ("bank account (IBAN)", iban, "to {}"),
    ("account id in an ARN", some("123456789", 10), "arn:aws:iam::{}12:role/worker"),
    # From here on nothing but chance gives a value away; lengths and alphabets are those that providers use.
    ("no name: 20 letters and digits", some(LETTERS, 20), NAMELESS),
    ("no name: 24 letters and digits (Vercel)", some(LETTERS, 24), NAMELESS),
    ("no name: 32 letters and digits (Twilio)", some(LETTERS, 32), NAMELESS),
    ("no name: 40 letters and digits (Linear)", some(LETTERS, 40), NAMELESS),
    ("no name: 40 in base64 (AWS secret key)", some(LETTERS + "+/", 40), NAMELESS),
    ("no name: 40 in base64url (Cloudflare)", some(URL_SAFE, 40), NAMELESS),
    ("no name: 43 in base64url (256 bits)", some(URL_SAFE, 43), NAMELESS),
    ("no name: 64 in base64url (Auth0)", some(URL_SAFE, 64), NAMELESS),
    ("no name: 86 in base64 (Azure storage)", base64_of(64), NAMELESS),
    ("no name: 51 small letters and digits (Cognito)", some(BASE36, 51), NAMELESS),
    ("no name: 32 capitals and digits", some(UPPER, 32), NAMELESS),
    ("no name: 32 in base32 (one-time passwords)", some(BASE32, 32), NAMELESS),
    ("no name: 32 hexadecimal (Datadog, Algolia)", some(HEX, 32), NAMELESS),
    ("no name: 40 hexadecimal (Pulumi)", some(HEX, 40), NAMELESS),
    ("no name: 64 hexadecimal (256 bits)", some(HEX, 64), NAMELESS),
]  # fmt: skip
# Told beside the others and counted apart: nothing tells them from what has to stay.
OUT_OF_REACH: list[tuple[str, Draw, str]] = [
    ("a UUID as a key (Heroku)", identifier, NAMELESS),
    ("16 letters and digits", some(LETTERS, 16), NAMELESS),
    ("24 hexadecimal", some(HEX, 24), NAMELESS),
    ("a password of words", word, NAMELESS),
    ("a key that is called an id", some(LETTERS, 40), "requestId={}"),
]
AROUND: dict[str, Callable[[str], str]] = {
    "a line": lambda text: text,
    "a sentence": lambda text: f"It said ({text}).",
    "JSON": lambda text: json.dumps({"level": "ERROR", "message": text}),
    "JSON in JSON": lambda text: json.dumps({"message": json.dumps({"message": text})}),
}  # fmt: skip
# What looks as random and is needed: a report leads to a line by its ids. How it is drawn, and what it stands in.
NEEDED: list[tuple[str, Draw, str]] = [
    ("request id", identifier, "RequestId: {} Error: gone"),
    ("trace of X-Ray", lambda chance: f"1-{some(HEX, 8)(chance)}-{some(HEX, 24)(chance)}", "XRAY TraceId: {}"),
    ("trace of OpenTelemetry", some(HEX, 32), '{{"trace_id": "{}", "level": "ERROR"}}'),
    ("span or segment", some(HEX, 16), "SegmentId: {}"),
    ("log stream", some(HEX, 32), "2026/03/17/[$LATEST]{}"),
    ("runtime version", some(HEX, 64), "arn:aws:lambda:us-east-1::runtime:{}"),
    ("SHA-256", some(HEX, 64), "sha256:{}"),
    ("commit", some(HEX, 40), "built from commit {}"),
    ("ETag of S3", some(HEX, 32), 'ETag: "{}"'),
    ("object id of MongoDB", some(HEX, 24), "no document {}"),
    ("request id of DynamoDB", some(UPPER, 52), "(Service: DynamoDb, Status Code: 400, Request ID: {})"),
    ("request id of S3", some(UPPER, 16), "Request ID: {}"),
    ("host id of S3", base64_of(56), "Extended Request ID: {}"),
    ("function made by CloudFormation", some(UPPER, 12), "orders-prod-ProcessOrderFunction-{}"),
    ("bucket made by CloudFormation", some(BASE36, 12), "orders-prod-uploadsbucket-{}"),
    ("pod of Kubernetes", some("bcdfghjklmnpqrstvwxz2456789", 5), "checkout-worker-7d9f8b6c5d-{}"),
    ("sequence number of Kinesis", some("123456789", 56), "at {}"),
]  # fmt: skip


def leaks(secret: str, masked: str) -> bool:
    parts = (secret[begin : begin + PART] for begin in range(max(1, len(secret) - PART + 1)))
    return any(part in masked for part in parts)


def recall(kinds: Iterable[tuple[str, Draw, str]]) -> Iterator[tuple[str, int, int, str]]:
    """For every kind how many of how many were masked, and where one was not."""
    for name, draw, text in kinds:
        chance = random.Random(f"{SEED} {name}")
        masked, planted, missed = 0, 0, ""
        for _ in range(RUNS):
            secret = draw(chance)
            for where, around in AROUND.items():
                planted += 1
                if leaks(secret, redact(around(text.format(secret)))):
                    missed = missed or where
                else:
                    masked += 1
        yield name, masked, planted, missed


def kept() -> Iterator[tuple[str, int, int]]:
    """For every kind of id how many of how many were left as they are."""
    for name, draw, text in NEEDED:
        chance = random.Random(f"{SEED} {name}")
        lines = [around(text.format(draw(chance))) for _ in range(RUNS) for around in AROUND.values()]
        yield name, sum(redact(line) == line for line in lines), len(lines)


def unpacked(path: Path) -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode(errors="replace")


def sample(*folders: str) -> list[str]:
    """The lines of sample logs, which hold no secret but what a marker of ours names."""
    paths = (path for folder in folders for path in sorted((ROOT / "sample_logs" / folder).rglob("*")))
    return [line for path in paths if path.suffix in (".gz", ".log", ".txt") for line in unpacked(path).splitlines()]


def identifiers(package: Path, *, nested: bool) -> list[str]:
    """The different names in the Python files of a package, each as a text of its own."""
    found: set[str] = set()
    for path in package.rglob("*.py") if nested else package.glob("*.py"):
        found.update(re.findall(r"[^\W\d]\w+", path.read_text(errors="replace")))
    return sorted(found)


def ordinary() -> dict[str, list[str]]:
    """Texts that hold no secret, by what they are."""
    library, packages = (Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib"))
    held_out = [name for one in ("pandas", "scipy", "matplotlib") for name in identifiers(packages / one, nested=True)]
    paths = [
        str(path.relative_to(packages)) for one in ("pandas", "scipy") for path in sorted((packages / one).rglob("*.*"))
    ]
    return {
        "the logs of the sample": sample("lambda-autotuner-agent"),
        "sample logs of every container and grammar, which hold account ids": sample("containers", "grammars"),
        "names in Python's standard library, from which the weights are": identifiers(library, nested=False),
        "names in pandas, scipy and matplotlib": held_out,
        "paths of files in pandas and scipy": paths,
    }


def by_mistake(texts: list[str]) -> tuple[int, int]:
    """How many words `texts` have, and how many of them were masked."""
    words, gone = 0, 0
    for text in texts:
        left = redact(text).split()
        words += len(text.split())
        gone += sum(word not in left for word in text.split())
    return words, gone


def tables(begun: float, reached: list[Reached]) -> Iterator[str]:
    """Everything that is printed; what was aimed at is added to `reached` on the way."""
    yield f"""Secrets whose kind is known, drawn from a fixed seed, in four surroundings; a secret counts as masked when no
{PART} of its characters in a row are left.

| secret | masked | of | share | first missed in |
|---|---:|---:|---:|---|"""
    found = planted = 0
    for name, masked, drawn, missed in recall(KINDS):
        found, planted = found + masked, planted + drawn
        yield f"| {name} | {masked:,} | {drawn:,} | {masked / drawn:.1%} | {missed} |"
    yield f"| **all {len(KINDS)} kinds (recall)** | {found:,} | {planted:,} | {found / planted:.1%} | |"
    yield """
A value with no name is masked where it has at least 20 characters that follow each other as if drawn at random
([randomness.py](../analyzer/report/randomness.py)), hexadecimal digits from 32 on, unless something before it
calls it an id or a digest.

### What stays readable, and should not

Not counted above, because nothing tells it from what a report needs:

| secret with no name | masked | of | share |
|---|---:|---:|---:|"""
    for name, masked, drawn, _ in recall(OUT_OF_REACH):
        yield f"| {name} | {masked:,} | {drawn:,} | {masked / drawn:.1%} |"
    yield """
### What stays readable, and has to

Ids and digests that are as random as a key and lead to a line:

| id | left as it is | of | share |
|---|---:|---:|---:|"""
    for name, left, drawn in kept():
        yield f"| {name} | {left:,} | {drawn:,} | {left / drawn:.1%} |"
    yield """
### What is masked by mistake

| texts without a secret | words | masked | share |
|---|---:|---:|---:|"""
    mistakes = all_words = 0
    for name, texts in ordinary().items():
        words, gone = by_mistake(texts)
        mistakes, all_words = mistakes + gone, all_words + words
        yield f"| {name} | {words:,} | {gone:,} | {gone / words:.2%} |"
    yield f"| **all** | {all_words:,} | {mistakes:,} | {mistakes / all_words:.2%} |"
    precision = found / (found + mistakes)
    yield f"\nOf {found + mistakes:,} words that were masked in both together, {precision:.2%} were secrets (precision)."
    yield ""
    yield made_by("python -m benchmarks.truth.redaction", ("pandas", "scipy", "matplotlib"), begun)
    reached.append(at_least(LEAST_RECALL, "secrets that are masked (recall)", found, planted))
    reached.append(at_most(MOST_MISTAKES, "words without a secret that are masked", mistakes, all_words))


if __name__ == "__main__":
    program("Count which secrets are masked, and what else is.", "redaction", "redaction", tables)
