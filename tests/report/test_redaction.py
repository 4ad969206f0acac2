"""No secret reaches a report, whatever it stands in, and what is no secret stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.redaction import KINDS, redact, redact_all
from tests.conftest import Run
from tests.logs import export, invocation, write_export

# Every secret is put together here, so that no scanner takes this file for a leak. None of them ever opened anything.
LETTERS = "aK3x" + "Zq9LmT" + "b7RwYc" + "2VnHp5" + "JdG8sF" + "u4EoXi" + "6QtMz1" + "WyBk0N" + "rCvPg"
LOWER = LETTERS.lower()
HEXADECIMAL = "9f3c" + "1b7e" + "04d8a6" + "52ef90" + "c3b1d7" + "8e6a42" + "f05d"
AWS_KEY = "IOSFODNN7" + "EXAMPLE"
AWS_SECRET = "wJalrXUtn" + "FEMI/K7MDENG/" + "bPxRfiCY" + "EXAMPLEKEY"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + "." + LETTERS[:43]
PEM_BODY = "\n".join(("MIIEpAIBAAKCAQEA" + LETTERS[:30], LETTERS[5:45], LETTERS[10:40] + "=="))


def pem(kind: str) -> str:
    return f"-----BEGIN {kind}-----\n{PEM_BODY}\n-----END {kind}-----"


# The kind of marker, the secret, and the text around it.
PLANTED: list[tuple[str, str, str]] = [
    ("private-key", PEM_BODY, pem("RSA " + "PRIVATE KEY").replace(PEM_BODY, "{}")),
    ("private-key", PEM_BODY, pem("OPENSSH " + "PRIVATE KEY").replace(PEM_BODY, "{}")),
    (
        "private-key",
        PEM_BODY.replace("\n", "\\n"),
        "key -----BEGIN PRIVATE " + "KEY-----\\n{}\\n-----END PRIVATE " + "KEY-----",
    ),
    ("private-key", PEM_BODY.replace("\n", " "), "cut off: -----BEGIN PRIVATE " + "KEY----- {}"),
    ("private-key", "AGE-SECRET-KEY-1" + LETTERS[:50].upper(), "{}"),
    ("aws-access-key", "AKIA" + AWS_KEY, "{}"),
    ("aws-access-key", "ASIA" + AWS_KEY, "credentials of {} were refused"),
    ("aws-secret-key", AWS_SECRET, "the aws secret is {}"),
    ("aws-secret-key", AWS_SECRET, "AWS: AKIA" + AWS_KEY + " {}"),
    ("secret", AWS_SECRET, "aws_secret_access_key={}"),
    ("aws-session-token", "IQoJb3JpZ2lu" + "X2Vj" + LETTERS, "{}"),
    ("aws-session-token", "FwoGZXIvYXdz" + "EBYa" + LETTERS, "session {}"),
    ("jwt", JWT, "{}"),
    ("github-token", "ghp_" + LETTERS[:36], "{}"),
    ("github-token", "github" + "_pat_" + LETTERS[:22] + "_" + LETTERS[:40], "{}"),
    ("gitlab-token", "glpat" + "-" + LETTERS[:20], "{}"),
    ("slack-token", "xoxb" + "-123456789012-" + LETTERS[:24], "{}"),
    ("webhook", "T0AB12CD3/B0AB12CD3/" + LETTERS[:24], "https://hooks." + "slack.com/services/{}"),
    ("webhook", "123456789012345678/" + LETTERS, "https://discord" + ".com/api/webhooks/{}"),
    ("stripe-key", "sk_" + "live_" + LETTERS[:24], "{}"),
    ("stripe-key", "whsec_" + LETTERS[:32], "{}"),
    ("google-key", "AIza" + LETTERS[:35], "{}"),
    ("google-key", "GOCSPX-" + LETTERS[:28], "{}"),
    ("api-key", "sk-" + "proj-" + LETTERS[:40], "{}"),
    ("api-key", "sk-" + "ant-api03-" + LETTERS[:50], "{}"),
    ("npm-token", "npm_" + LETTERS[:36], "{}"),
    ("pypi-token", "pypi-" + "AgEIcHlwaS5vcmc" + LETTERS, "{}"),
    ("sendgrid-key", "SG" + "." + LETTERS[:22] + "." + LETTERS[:43], "{}"),
    ("twilio-key", "SK" + HEXADECIMAL[:32], "{}"),
    ("mailgun-key", "key-" + HEXADECIMAL[:32], "{}"),
    ("shopify-token", "shpat_" + HEXADECIMAL[:32], "{}"),
    ("digitalocean-token", "dop_v1_" + HEXADECIMAL + HEXADECIMAL[:24], "{}"),
    ("vault-token", "hvs." + LETTERS[:24], "{}"),
    ("databricks-token", "dapi" + HEXADECIMAL[:32], "{}"),
    ("huggingface-token", "hf_" + LETTERS[:34], "{}"),
    ("newrelic-key", "NRAK-" + LETTERS[:27].upper(), "{}"),
    ("telegram-token", "123456789:AA" + LETTERS[:33], "{}"),
    ("authorization", LETTERS[:32], "Authorization: Bearer {}"),
    ("authorization", LETTERS[:32], "calling with bearer {}"),
    ("authorization", "dXNlcjpwYXNz" + "d29yZA==", "authorization=Basic {}"),
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=" + LETTERS[:20] + "/eu/s3, Signature=" + HEXADECIMAL,
        "Authorization: {}",
    ),
    ("password", "correct-horse-battery", "password={}"),
    ("password", "hunter2" + "hunter2", "Passwd: {}"),
    ("password", "hunter2" + "<hunter2", "DB_PASSWORD={}"),
    ("password", "12345678", "pwd={}"),
    ("password", "correct horse battery", 'password: "{}"'),
    ("password", "correct horse battery", "{{'password': '{}'}}"),
    ("password", "hunter2" + "hunter2", "export DB_PASS={}"),
    ("password", "hunter2" + "hunter2", "mysql --password {} -u root"),
    ("password", "hunter2" + "hunter2", '{{"name": "ADMIN_PASSWORD", "value": "{}"}}'),
    ("password", "hunter2" + "hunter2", '{{"password": {{"S": "{}"}}}}'),
    ("password", "hunter2" + "hunter2", "Server=db;User=app;Password={};Encrypt=true"),
    ("secret", "hunter2" + "hunter2", "client_secret={}&grant_type=refresh"),
    ("secret", "hunter2" + "hunter2", "<client-secret>{}</client-secret>"),
    ("secret", LETTERS[:43] + "=", "AccountName=a;AccountKey={};EndpointSuffix=core"),
    ("token", "hunter2" + "hunter2", "refresh_token={}"),
    ("token", LETTERS[:30], "token: {}"),
    ("token", HEXADECIMAL[:32], "JSESSIONID={}"),
    ("api-key", HEXADECIMAL[:32], "x-api-key: {}"),
    ("api-key", HEXADECIMAL[:32], "apiKey => '{}'"),
    ("secret", LETTERS[:32], "license: {}"),
    ("signature", HEXADECIMAL + HEXADECIMAL[:24], "https://b.s3.amazonaws.com/k?X-Amz-Signature={}&X-Amz-Expires=60"),
    ("token", LETTERS, "https://b.s3.amazonaws.com/k?X-Amz-Security-Token={}&X-Amz-Expires=60"),
    ("signature", LETTERS[:43] + "%3D", "https://a.blob.core.windows.net/c?sv=2022-11-02&sig={}"),
    ("credentials", "admin:hunter2" + "hunter2", "https://{}@example.com/x"),
    ("credentials", "app:p@ss/word" + "hunter2", "postgres://{}@db.internal:5432/orders"),
    ("credentials", "app:hunter2" + "hunter2", "mongodb+srv://{}@cluster0.example.net/db"),
    ("cookie", "session=" + LETTERS[:32] + "; theme=dark", "Cookie: {}"),
    ("cookie", "id=" + LETTERS[:32] + "; HttpOnly", '{{"set-cookie": "{}"}}'),
    ("email", "jane.doe+news" + "@" + "mail.example.co.uk", "no such user {}"),
    ("email", "jane.doe" + "%40" + "example.com", "?user={}"),
    ("ip", "203.0.113" + ".77", "refused by {}:5432"),
    ("ip", "203.0.113" + ".77", "connect to /{}"),
    ("ip", "2001:db8:" + "85a3::8a2e:370:7334", "from {}"),
    ("ip", "2001:db8:85a3:" + "1:2:8a2e:370:7334", "from [{}]"),
    ("phone", "+1 555 " + "010 9999", "calling {}"),
    ("phone", "+4915" + "112345678", "calling {}"),
    ("card", "4111 1111 " + "1111 1111", "card {}"),
    ("card", "5555555555" + "554444", "card {}"),
    ("card", "3782 822463" + " 10005", "card {}"),
    ("iban", "DE89 3704 0044 " + "0532 0130 00", "to {}"),
    ("iban", "GB82WEST1234" + "5698765432", "to {}"),
    ("iban", "ES91 2100 0418 " + "4502 0005 1332", "to {} IN EUR"),
    ("ssn", "078-05" + "-1120", "number {}"),
    ("account", "1234567890", "arn:aws:iam::{}12:role/worker"),
    ("account", "1234567890", "https://sqs.eu-west-1.amazonaws.com/{}12/orders"),
    # What neither a name nor a shape gives away.
    ("random", LETTERS[:40], "using {} for this call"),
    ("random", LETTERS[:20], "using {}"),
    ("random", AWS_SECRET, "signing with {}"),
    ("random", LETTERS[:20] + "-_" + LETTERS[20:41], "using {}"),
    ("random", LOWER[:32], "using {}"),
    ("random", LETTERS[:32].upper(), "using {}"),
    ("random", HEXADECIMAL[:32], "using {}"),
    ("random", HEXADECIMAL + HEXADECIMAL[:24], "sessionId {}"),
    ("random", LETTERS[:32], "s3://orders/incoming/{}/data.json"),
    ("random", "orders_" + LETTERS[:32], "using {}"),
]
CONTEXTS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "sentence": lambda text: f"It said ({text}).",
    "json": lambda text: json.dumps({"level": "ERROR", "message": text, "attempt": 3}),
    "json in json": lambda text: json.dumps({"message": json.dumps({"message": text, "attempt": 3})}),
    "query": lambda text: f"GET /orders?first=1&q={text}&last=2 HTTP/1.1",
    "log line": lambda text: f"[ERROR]\t2026-03-17T08:00:01.000Z\t8f3e3b1e-5b0a-4d9e-9a51-7c5a0a1c2b3d\t{text}\n",
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
@pytest.mark.parametrize(
    ("kind", "secret", "around"), PLANTED, ids=[f"{number}-{row[0]}" for number, row in enumerate(PLANTED)]
)
def test_no_part_of_a_secret_survives(kind: str, secret: str, around: str, context: Callable[[str], str]) -> None:
    masked = redact(context(around.format(secret)))
    parts = {secret[begin : begin + 8] for begin in range(max(1, len(secret) - 7))}
    assert [part for part in parts if part in masked] == []


@pytest.mark.parametrize(
    ("kind", "secret", "around"), PLANTED, ids=[f"{number}-{row[0]}" for number, row in enumerate(PLANTED)]
)
def test_the_marker_says_what_was_there(kind: str, secret: str, around: str) -> None:
    assert f"<{kind}>" in redact(around.format(secret))


def test_the_digests_of_a_report_stay_and_what_is_only_called_one_does_not() -> None:
    digest = "9f3c1b7e04d8a652" * 4
    kept = {"evidence": {"q1": {"result_sha256": digest}}, "sha256": digest}
    assert redact_all(kept) == kept
    assert redact_all({"sha256": LETTERS[:40], "note": digest}) == {"sha256": "<random>", "note": "<random>"}


def test_every_kind_has_an_example() -> None:
    assert set(KINDS) == {kind for kind, _, _ in PLANTED}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"user": "jane", "password": "hunter22", "try": 2}', '{"user": "jane", "password": "<password>", "try": 2}'),
        ("?user=jane&password=hunter22&try=2", "?user=jane&password=<password>&try=2"),
        ("User(name=jane, password=hunter22, try=2)", "User(name=jane, password=<password>, try=2)"),
        ("Authorization: Bearer abcd1234abcd", "Authorization: Bearer <authorization>"),
        ("https://jane:hunter22@example.com/x", "https://<credentials>@example.com/x"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", "arn:aws:lambda:eu-west-1:<account>12:function:f"),
        ("mail jane@example.com, or call", "mail <email>, or call"),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, masked: str) -> None:
    assert redact(text) == masked


ORDINARY = [
    "REPORT RequestId: 8f3e3b1e-5b0a-4d9e-9a51-7c5a0a1c2b3d\tDuration: 92394.25 ms\tBilled Duration: 92395 ms",
    "XRAY TraceId: 1-6ac7c67c-4fb697db28b006524e491c37\tSegmentId: 4a861782660d0257\tSampled: true",
    "INIT_START Runtime Version: python:3.12.v89\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:"
    + "0a1b" * 16,
    "2026/03/17/[$LATEST]0123456789abcdef0123456789abcdef",
    "exports/8f3e3b1e-5b0a-4d9e-9a51-7c5a0a1c2b3d/2026-03-17-[$LATEST]0123456789abcdef0123456789abcdef/000000.gz",
    "sha256: " + "0123456789abcdef" * 4,
    "result_sha256=" + "9f3c1b7e04d8a652" * 4,
    "key: 8f3e3b1e-5b0a-4d9e-9a51-7c5a0a1c2b3d",
    "fingerprint 1f0c9a7e5b3d",
    "40 of 44 invocations (90.9 %; 95 % CI 78.8–96.4 %), p95 241.7 s, max 247.0 s, $0.061",
    "2026-03-17T08:12:05.123Z to 2026-03-17T09:23:41.000+01:00",
    "1773735125000 1773735125123456 4096 1234567890123456",
    "SELECT outcome, count(*) FROM invocations WHERE outcome = 'timeout' AND function = 'checkout' GROUP BY 1",
    "SELECT quantile_cont(max_memory_mb / memory_mb, 0.95) FROM invocations WHERE duration_ms > 60000.0",
    "SELECT epoch_us(end_time) // 900000000 AS bin FROM invocations WHERE request_id = '8f3e3b1e-5b0a-4d9e-9a51-7c5a0a1c2b3d'",
    "Resources:\n  Checkout:\n    Type: AWS::Serverless::Function\n    Properties:\n      MemorySize: 1024\n      Timeout: 300\n",
    "      Dimensions:\n        - Name: FunctionName\n          Value: !Ref Checkout\n      MetricName: Duration\n",
    "Password: !Ref DatabasePassword",
    "password=${DATABASE_PASSWORD} token={{ token }} secret: null",
    json.dumps(
        {
            "widgets": [
                {
                    "type": "metric",
                    "properties": {"metrics": [["AWS/Lambda", "Duration", "FunctionName", "issue-token"]]},
                }
            ]
        }
    ),
    "arn:aws:s3:::bucket/key.json",
    "secret arn:aws:secretsmanager:eu-west-1:<account>12:secret:prod/database-AbCdEf",
    "[ERROR] KeyError: 'password'\nTraceback (most recent call last):\n  File '/var/task/token.py', line 30, in handler",
    "SyntaxError: Unexpected token } in JSON at position 42",
    "Unexpected token: }",
    "The security token included in the request is expired",
    "token: expired",
    "max_tokens=4096, tokens: 1523, token: 4096",
    "Basic authentication failed; bearer authentication is required",
    "boto3==1.34.1.2 v1.2.3.4 version 1.2.3.4 Chrome/120.0.0.0 lib-1.2.3.4.jar",
    "connect ECONNREFUSED 127.0.0.1:5432, also [::1]:5432 and 0.0.0.0:80 and 169.254.79.129:2000",
    "at std::vector::at, Foo::Bar, 08:12:05, 00:1a:2b:3c:4d:5e",
    "node_modules/@aws-sdk/client-s3@3.515.0/dist/index.js:12:34 and @app.route",
    "PWD=/var/task OLDPWD=/var/runtime",
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html",
    "sk-data-processing-pipeline-production",
    "memory.peak_ratio.max duration.p95_reduction cold_start.rate",
    "password=<password> and <email>",
    # As random as a key, and called an id or a digest.
    '{"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}',
    'ETag: "d41d8cd98f00b204e9800998ecf8427e" of commit 3dcc6fbbbebc5e85dd3e83fe49b382ca7735cae1',
    "(Service: DynamoDb, Status Code: 400, Request ID: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG)",
    # Long names, with a random end where something else made them.
    "orders-prod-ProcessOrderFunction-1X9KQ2M5J8WN of orders-prod-uploadsbucket-1x2y3z4a5b6c",
    "org.springframework.aop.framework.AbstractSingletonProxyFactoryBean at AbstractAutowireCapableBeanFactory.java:1804",
    "/var/task/node_modules/@aws-sdk/client-dynamodb/node_modules/@smithy/middleware-serde/dist-cjs/index.js:35:20",
    "s3://exports-1/2026/03/17/part-00000-8f3e3b1e-5b0a-4d9e-9a51-7c5a0a1c2b3d.c000.snappy.parquet",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE APPLICATION_INSIGHTS_SAMPLING_PERCENTAGE x86_64-unknown-linux-gnu",
    "39555598904289787284667474183728769182083930762902103972",
    "=" * 40 + "-" * 40 + "XXXXXXXXXXXXXXXXXXXXXXXX",
    "",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


PIECES = st.lists(
    st.one_of(
        st.sampled_from([around.format(secret) for _, secret, around in PLANTED]),
        st.sampled_from(
            [
                "password",
                "token",
                "key",
                "cookie",
                "authorization",
                "<password>",
                "<token>",
                "</token>",
                "://",
                "arn:aws:",
            ]
        ),
        st.sampled_from(list("=:\"'\\{}[]()<>&;,@+-. \n\t%1aA/")),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)


@given(st.one_of(st.text(), PIECES))
def test_what_was_redacted_once_is_redacted(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def test_no_planted_secret_is_in_any_file_of_a_report(run: Run, tmp_path: Path) -> None:
    """Every one of them as the message of an error, on its own and in its surroundings, and as a name that the logs carry."""
    planted = [(secret, text.format(secret)) for _, secret, text in PLANTED if "\n" not in secret]
    for number, (_, text) in enumerate(planted):
        name = f"57325a9d-2f10-4f0e-8f06-5a4e4de1f{number:03x}"
        traceback = (
            f"[ERROR] ValueError: {text}\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line {number}"
        )
        path = write_export(tmp_path / "logs", export(*invocation(text, traceback, request_id=name), begin=number % 60))
        path.rename(path.parent.with_name(f"2026-03-17-[$LATEST]{number:032x}.log"))
    more = [f"--format={name}" for name in ("sarif", "junit", "slack")]
    assert run("analyze", tmp_path / "logs", "-o", tmp_path / "out", *more).code == 0
    files = {path: path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {path.name for path in files} >= {
        *("report.md", "report.html", "report.json", "findings.csv", "findings.sarif", "junit.xml", "slack.json"),
        "report-distribution.svg",
    }
    assert any(path.parent.name == "evidence" for path in files)
    for secret, _ in planted:
        # In JSON a secret stands behind backslashes where it has quotes or such.
        forms = {secret, json.dumps(secret)[1:-1]}
        assert [path.name for path, text in files.items() if any(form in text for form in forms)] == [], secret


MANY = 200_000
# Each repeats what some pattern begins with and never what it ends with.
HOSTILE = [
    "a",
    "=",
    "{",
    "[",
    '"',
    "\\",
    " ",
    ":",
    "1",
    "1.",
    "1-",
    "+1",
    "A1",
    "::1",
    "\n",
    "<token>",
    "\u202e",
    "://",
    "://a:",
    "a@",
    "a.",
    "%40",
    "password",
    "password=",
    'password="',
    "password\\",
    "password=,",
    "password:[ ",
    "--a-token ",
    "token",
    "eyJ",
    ".eyJ",
    "SG.",
    "key=",
    "cookie:[",
    "authorization: ",
    "bearer ",
    "sig=",
    "secret ",
    "redis://a:",
    "-----BEGIN PRIVATE " + "KEY-----",
    "arn:aws:",
    "phone:1",
    "aB3",
    "aB3/",
    "aB3-",
    "id: 4kB",
]


@pytest.mark.parametrize("repeated", HOSTILE)
def test_hostile_text_comes_to_an_end(repeated: str) -> None:
    for text in (repeated * (MANY // len(repeated)), "password=x" + repeated * (MANY // len(repeated)) + "y"):
        masked = redact(text)
        assert redact(masked) == masked
