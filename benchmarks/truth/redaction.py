"""Plants secrets of known kinds in log lines and counts how many come through, and how much of logs without secrets is masked.

Prints Markdown. `make truth` writes it to docs/redaction.md. Seeds are fixed; every secret is drawn here and opened nothing.
"""

from __future__ import annotations

import gzip
import json
import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path

from analyzer.report.redaction import redact

RUNS = 200
SEED = 20_260_919
ROOT = Path(__file__).parent.parent.parent
LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
# As much of a secret as may be left: so many characters of it in a row would be of use to somebody.
PART = 8
Draw = Callable[[random.Random], str]


def some(alphabet: str, length: int) -> Draw:
    return lambda chance: "".join(chance.choices(alphabet, k=length))


def luhn(chance: random.Random) -> str:
    """A card number with the check digit that it has to have."""
    digits = [4, *(chance.randrange(10) for _ in range(14))]
    total = sum(sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits))
    return "".join(map(str, [*digits, -total % 10]))


def address(chance: random.Random) -> str:
    return f"{some(string.ascii_lowercase, 6)(chance)}.{some(string.ascii_lowercase, 8)(chance)}@example.com"


def word(chance: random.Random) -> str:
    """As people choose passwords."""
    return "-".join(some(string.ascii_lowercase, 6)(chance) for _ in range(3)) + str(chance.randrange(100))


# What a secret is, how it is drawn, and what it stands in.
KINDS: list[tuple[str, Draw, str]] = [
    ("AWS access key", some(string.ascii_uppercase + "234567", 16), "AKIA{}"),
    ("AWS secret key", some(LETTERS + "+/", 40), "aws_secret_access_key={}"),
    ("JSON web token", some(LETTERS + "-_", 43), "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}"),
    ("GitHub token", some(LETTERS, 36), "ghp_{}"),
    ("Slack token", some(LETTERS, 24), "xoxb-123456789012-{}"),
    ("Stripe key", some(LETTERS, 24), "sk_live_{}"),
    ("Google key", some(LETTERS + "-_", 35), "AIza{}"),
    ("bearer token", some(LETTERS, 32), "Authorization: Bearer {}"),
    ("password, of words", word, "password={}"),
    ("password, random", some(LETTERS + "!#*", 14), "DB_PASSWORD: {}"),
    ("secret, hexadecimal", some(HEX, 32), "client_secret={}"),
    ("API key", some(HEX, 32), "x-api-key: {}"),
    ("user and password in a URL", some(LETTERS, 16), "postgres://app:{}@db.internal:5432/orders"),
    ("signature of a URL", some(HEX, 64), "https://b.s3.amazonaws.com/k?X-Amz-Signature={}&X-Amz-Expires=60"),
    ("e-mail address", address, "no such user {}"),
    (
        "address on the network",
        lambda chance: ".".join(str(chance.randrange(11, 250)) for _ in range(4)),
        "refused by {}:5432",
    ),
    ("card number", luhn, "card {}"),
    ("account id in an ARN", some("123456789", 10), "arn:aws:iam::{}12:role/worker"),
    ("random value with no name", some(LETTERS, 40), "using {} for this call"),
]
AROUND: dict[str, Callable[[str], str]] = {
    "a line": lambda text: text,
    "a sentence": lambda text: f"It said ({text}).",
    "JSON": lambda text: json.dumps({"level": "ERROR", "message": text}),
    "JSON in JSON": lambda text: json.dumps({"message": json.dumps({"message": text})}),
}  # fmt: skip


def leaks(secret: str, masked: str) -> bool:
    parts = (secret[begin : begin + PART] for begin in range(max(1, len(secret) - PART + 1)))
    return any(part in masked for part in parts)


def recall() -> Iterator[tuple[str, int, int, str]]:
    """For every kind how many of how many were masked, and where one was not."""
    for name, draw, text in KINDS:
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


def lines() -> Iterator[str]:
    """The logs of the sample, which hold no secret but what a marker of ours names."""
    for path in sorted((ROOT / "sample_logs" / "lambda-autotuner-agent").rglob("*.gz")):
        yield from gzip.decompress(path.read_bytes()).decode().splitlines()


def by_mistake() -> tuple[int, int]:
    """How many words the sample has, and how many of them were masked."""
    words, gone = 0, 0
    for line in lines():
        kept = redact(line).split()
        words += len(line.split())
        gone += sum(word not in kept for word in line.split())
    return words, gone


def main() -> None:
    print("# What redaction masks\n")
    print(
        "Secrets whose kind is known, drawn from a fixed seed, in four surroundings; a secret counts as masked when no"
    )
    print(f"{PART} of its characters in a row are left. Made by `make truth`.\n")
    print("| secret | masked | of | share | first missed in |\n|---|---:|---:|---:|---|")
    found = planted = 0
    for name, masked, drawn, missed in recall():
        found, planted = found + masked, planted + drawn
        print(f"| {name} | {masked:,} | {drawn:,} | {masked / drawn:.1%} | {missed} |")
    print(f"| **all (recall)** | {found:,} | {planted:,} | {found / planted:.1%} | |\n")
    print(
        "A random value is masked where its name or its shape says what it is, and kept where nothing does: request ids,"
    )
    print("trace ids and digests look the same.\n")
    words, mistakes = by_mistake()
    print("In the logs of the sample, which hold no secret, whatever is masked is masked by mistake.\n")
    print("| words | masked by mistake | share |\n|---:|---:|---:|")
    print(f"| {words:,} | {mistakes:,} | {mistakes / words:.2%} |\n")
    precision = found / (found + mistakes)
    print(f"Of {found + mistakes:,} words that were masked in both together, {precision:.2%} were secrets (precision).")


if __name__ == "__main__":
    main()
