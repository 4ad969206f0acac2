"""Masks secrets and personal data before anything is written.

The marker names the kind and nothing else: without a key that differs from run to run, the same logs give the same report.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from msgspec import Struct

from analyzer.report.randomness import random_parts


@lru_cache(maxsize=8192)
def redact(text: str) -> str:
    """`text` with a marker such as <password> or <email> in place of each secret and each piece of personal data.

    What is masked changes what stands beside it, so passes follow until one finds nothing; every pass that changes
    something leaves fewer characters outside markers, hence there is a last one.
    """
    while (masked := _pass(text)) != text:
        text = masked
    return text


def redact_all(value: Any) -> Any:
    """`value`, which is of JSON's types, with every text in it masked."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_all(item) for item in value]
    if isinstance(value, dict):
        return {redact(key): item if _digest(key, item) else redact_all(item) for key, item in value.items()}
    return value


def _digest(name: str, value: Any) -> bool:
    """Of what a report was made; in JSON the name stands apart from it."""
    return name.endswith("sha256") and isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _pass(text: str) -> str:
    lowered = text.lower()
    for rule in RULES:
        for hint in rule.hints:
            if hint in lowered:
                text = rule.pattern.sub(rule.mask, text)
                break
    return _without_random(text)


def _without_random(text: str) -> str:
    """Last what neither a name nor a shape gives away, and only chance does."""
    kept, end = [], 0
    for begin, until in random_parts(text):
        kept += [text[end:begin], f"<{RANDOM}>"]
        end = until
    return "".join([*kept, text[end:]])


def _all_of_it(found: str) -> str:
    return found


class Rule(Struct, frozen=True):
    """`pattern` has a group `secret`, of which `narrow` gives the leading part that really is one.

    The pattern is tried only on text with one of `hints` in it, in lower case: an ordinary line costs a few searches for
    literals. Patterns start at a boundary or repeat possessively, so that no text makes one look at it twice; where a
    pattern has no literal, its first character comes before what looks behind it, because that can be searched for fast.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    narrow: Callable[[str], str] = _all_of_it

    def mask(self, match: re.Match[str]) -> str:
        secret = self.narrow(match["secret"])
        if not secret or MARKERS.fullmatch(secret):
            return match[0]
        begin = match.start("secret") - match.start()
        return f"{match[0][:begin]}<{self.kind}>{match[0][begin + len(secret) :]}"


# ── how a value stands beside its name ───────────────────────────────────────────────────────────────────────────────

# Equals, colon or arrow, also behind a closing quote that JSON inside JSON has escaped; `{"name": "x", "value": "y"}`;
# the type that DynamoDB puts around a value; the list that API Gateway puts around a header.
BESIDE = (
    r"(?:\\*+[\"'\]]?[ \t]*+(?:=>|:=|={1,2}|:|%3[dD])|\\*+\"[ \t]*+,[ \t]*+\\*+\"value\\*+\"[ \t]*+:)[ \t]*+"
    r"(?:\{[ \t]*+\\*+\"[SN]\\*+\"[ \t]*+:[ \t]*+)?+(?:\[\s*+(?=\\*+[\"']))?+"
)
# What ends a value without quotes: white space, a quote, the next pair, or the brackets around it.
END = r"(?<!\\)\\++[\"'nrt]|[&;,](?:\s|$|[\[{\"'\\]|[\w.%\[\]-]{1,40}[=:])|(?<![)\]}])[)\]}]++(?:[\s,;&\"'\\.]|$)"
# An object or a list is not a value, its members have names of their own; nor is what a template fills in.
NO_VALUE = (
    r"\{\{|\$\{[\w.:-]{1,80}\}(?:\W|$)"
    r"|[{\[(][ \t]*+(?:\\*+[\"'{\[]|[\w.-]{1,40}[ \t]*+[=:]|[)\]}]|$)"
)
BARE = rf"(?!{NO_VALUE})(?:(?!{END})[^\s\"'`])++"
# A quoted value ends with the quote it began with, escaped as often; where that is cut off, with the line.
VALUE = rf"(?P<quote>\\*+[\"'`])?+(?P<secret>(?(quote)(?:(?!(?<!\\)(?P=quote))[^\r\n])*+|{BARE}))"
# Left of a token: no letter or digit, unless it belongs to an escape such as \n or %22.
FRONT = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"

PASSWORD = (
    r"(?:passw(?:or)?d|passphrase|passcode|(?<![a-z])pass(?=[\"'\\]*+[ \t]*+=|[\"'\\]++[ \t]*+:)|_pass|pwd(?!\W{1,5}/))"
)
# The secret in arn:…:123456789012:secret:name is a name.
SECRET = (
    r"(?:(?<!\d\d:)secret(?:[_-]?(?:access|api|signing))?(?:[_-]?key)?|credentials?|connection[_-]?string"
    r"|(?:private|encryption|signing|master|access|account|storage)[_-]?key)"
)
TOKEN = r"(?:token|jwt|jsessionid|phpsessid|connect\.sid)"
API_KEY = r"(?:(?:api|auth|subscription|functions|app)[_-]?key)"
SUFFIX = r"(?:[_-]?(?:value|confirm(?:ation)?|plain|text|base64|b64|\d{1,2}))?"
# Said of a token rather than being one: "token: expired".
NOT_A_WORD = r"(?!(?<=: )[A-Za-z]{1,15}(?![\w.~+/=-]))"

# Placeholders, references that templates resolve, and what others have masked already.
HARMLESS = re.compile(
    r"null|none|nil|undefined|true|false|empty|unset|missing|required|invalid|expired|\*+|x{3,}|\.{3}|…"
    r"|[\[<(]?(?:redacted|filtered|masked|hidden)[\])>]?|\$\{[^}]*\}|\{\{[^}]*\}\}|!(?:ref|sub|getatt|importvalue)",
    re.IGNORECASE,
)
FIGURE = re.compile(r"[\d.,]{1,9}")
LEAST_SECRET = 4


def _password(value: str) -> str:
    return "" if len(value.strip()) < LEAST_SECRET or HARMLESS.fullmatch(value.strip()) else value


def _token(value: str) -> str:
    """Usage figures such as `token: 4096` are none."""
    return "" if FIGURE.fullmatch(value) else _password(value)


# ── what gives itself away by its shape or its checksum ──────────────────────────────────────────────────────────────

UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
HEX = re.compile(r"[0-9A-Fa-f]+")
DIGEST = re.compile(r"[0-9a-f]{64}")


def _entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def _mixed(text: str) -> bool:
    """Has upper case, lower case and digits, as random base64 does and a path or a name rarely."""
    return any(map(str.isupper, text)) and any(map(str.islower, text)) and any(map(str.isdigit, text))


def _random(text: str) -> str:
    """A random value, and no id, which a report needs and which gives nothing away."""
    if UUID.fullmatch(text):
        return ""
    if HEX.fullmatch(text):
        return text if _entropy(text) > 3.0 else ""
    return text if _mixed(text) and _entropy(text) > 4.0 else ""


def _aws_secret(text: str) -> str:
    return text if _mixed(text) and _entropy(text) > 4.2 else ""


def _vendor_key(text: str) -> str:
    """A key after sk-, and no name such as sk-data-processing-pipeline."""
    return text if any(map(str.isdigit, text)) and _entropy(text) > 3.0 else ""


def _bearer(text: str) -> str:
    """Credentials after the name of their scheme, and no prose such as "basic authentication"."""
    return text if re.search(r"[\d=]|[a-z][A-Z]", text) else ""


def _address(text: str) -> str:
    """The machine's own addresses and those of Lambda's inside name nobody, and an error needs them."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    harmless = address.is_loopback or address.is_unspecified or (address.version == 4 and address.is_link_local)
    return "" if harmless or not re.search(r"\d", text) else text


def _card(text: str) -> str:
    """A number from a range that is issued, of a length in use there, with Luhn's check digit."""
    digits = re.sub(r"\D", "", text)
    issued = re.fullmatch(
        r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7]|35|6[0245])\d{14}|6[0245]\d{17}|3[47]\d{13}|3[068]\d{12}", digits
    )
    doubled = (int(one) * 2 for one in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(one - 9 if one > 9 else one for one in doubled)
    return text if issued and total % 10 == 0 else ""


def _iban(text: str) -> str:
    """The longest beginning, up to a space, whose check digits are right: words in capitals may follow."""
    words = text.split(" ")
    for count in range(len(words), 0, -1):
        number = "".join(words[:count])
        if 15 <= len(number) <= 34 and int("".join(str(int(one, 36)) for one in number[4:] + number[:4])) % 97 == 1:
            return " ".join(words[:count])
    return ""


def _rule(kind: str, hints: str, pattern: str, narrow: Callable[[str], str] = _all_of_it, *, flags: int = 0) -> Rule:
    return Rule(kind, tuple(hints.split()), re.compile(pattern, re.MULTILINE | flags), narrow)


def _named(kind: str, hints: str, name: str, narrow: Callable[[str], str], word: str = NOT_A_WORD) -> Rule:
    """A value beside its name, or behind it as an option on a command line."""
    beside = rf"(?:{name}{SUFFIX}{BESIDE}|(?<![\w-])--(?:[\w-]{{1,30}}-)?{name}[ \t]++){word}{VALUE}"
    return _rule(kind, hints, beside, narrow, flags=re.IGNORECASE)


def _prefixed(kind: str, hints: str, pattern: str, narrow: Callable[[str], str] = _all_of_it) -> Rule:
    """A token that begins with what its issuer puts there."""
    return _rule(kind, hints, rf"{FRONT}(?P<secret>{pattern})", narrow)


# The order matters: what is recognised by its own shape goes first, so that its marker says most; then what its name
# gives away; then what is only a number.
RULES = (
    _rule(
        "private-key",
        "-----begin",
        r"(?P<secret>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:(?!-----)[\s\S])*+-----END [A-Z0-9 ]{1,60}-----"
        r"|(?:\s|\\+[nr]|[A-Za-z0-9+/=]{16,}+)*+(?:[A-Za-z0-9+/=]*+)))",
    ),
    _prefixed("private-key", "age-secret-key-", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}+"),
    _prefixed("aws-access-key", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _rule(
        "aws-secret-key",
        "secret aws credential",
        r"(?i:secret|aws|credential)[^\r\n]{0,60}?(?<![A-Za-z0-9/+=])(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        _aws_secret,
    ),
    _prefixed(
        "aws-session-token",
        "ogzxivyxdz ojb3jpz2lu",
        r"(?:F[Qw]oGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=_%-]{20,}+",
    ),
    _prefixed("jwt", "eyj", r"eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+){1,4}"),
    _prefixed("github-token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"(?:gh[opsru]|github_pat)_[A-Za-z0-9_]{20,}+"),
    _prefixed("gitlab-token", "glpat- gldt- glrt- glcbt- glptt-", r"gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_.-]{16,}+"),
    _prefixed("slack-token", "xox xapp-", r"(?:xox[abeoprs]|xapp)[.-][A-Za-z0-9.-]{8,}+"),
    _rule(
        "webhook",
        "hooks.slack discord webhook.office",
        r"(?:hooks\.slack(?:-gov)?\.com/[a-z]{1,20}/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/)"
        r"(?P<secret>[\w/+@%-]++)",
    ),
    _prefixed("stripe-key", "_live_ _test_ whsec_", r"(?:[prs]k_(?:live|test)|whsec)_[A-Za-z0-9+/=]{10,}+"),
    _prefixed("google-key", "aiza ya29. gocspx-", r"(?:AIza[A-Za-z0-9_-]{30,}+|ya29\.[\w-]{20,}+|GOCSPX-[\w-]{20,}+)"),
    _prefixed("api-key", "sk-", r"sk-[A-Za-z0-9_-]{20,}+", _vendor_key),
    _prefixed("npm-token", "npm_", r"npm_[A-Za-z0-9]{30,}+"),
    _prefixed("pypi-token", "pypi-ag", r"pypi-Ag[A-Za-z0-9_-]{40,}+"),
    _prefixed("sendgrid-key", "sg.", r"SG\.[\w-]{16,}+\.[\w-]{16,}+"),
    _prefixed("twilio-key", "sk ac", r"(?:SK|AC)[0-9a-f]{32}(?![A-Za-z0-9])"),
    _prefixed("mailgun-key", "key-", r"key-[0-9a-f]{32}(?![A-Za-z0-9])"),
    _prefixed("shopify-token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32,}+"),
    _prefixed("digitalocean-token", "_v1_", r"do[opr]_v1_[0-9a-f]{40,}+"),
    _prefixed("vault-token", "hvs. hvb. hvr.", r"hv[bsr]\.[A-Za-z0-9_-]{20,}+"),
    _prefixed("databricks-token", "dapi", r"dapi[0-9a-f]{32}"),
    _prefixed("huggingface-token", "hf_", r"hf_[A-Za-z0-9]{30,}+"),
    _prefixed("newrelic-key", "nrak-", r"NRAK-[A-Z0-9]{20,}+"),
    _prefixed("telegram-token", ":aa", r"\d{8,10}:AA[A-Za-z0-9_-]{30,}+"),
    # With the password even of databases whose users put a slash or an at sign into it.
    _rule(
        "credentials",
        "://",
        r"(?:(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver)(?:\+\w{1,20})?://"
        r"(?P<secret>[^\s:/@]{0,64}:[^\s\"']{1,256}(?=@)))",
    ),
    _rule("credentials", "://", r"://(?P<secret>[^\s/:\"'<>]*+:[^\s/\"']+(?=@)|[^\s/@:\"'<>]{16,}+(?=@))"),
    _rule(
        "authorization",
        "authorization",
        rf"authorization{BESIDE}\\*+[\"']?+"
        r"(?:(?:Bearer|Basic|Token|ApiKey|Negotiate|Key)[ \t]++)?"
        r"(?P<secret>(?:AWS4-|Digest[ \t])(?:(?!(?<!\\)\\*+[\"'])[^\r\n])++|[^\s\"'\\,;\[{]++)",
        _password,
        flags=re.IGNORECASE,
    ),
    _rule(
        "authorization",
        "bearer basic",
        r"\b(?:bearer|basic)(?:[ \t]|%20|\+)++(?P<secret>[A-Za-z0-9+/=._~-]{8,}+)",
        _bearer,
        flags=re.IGNORECASE,
    ),
    _rule(
        "cookie",
        "cookie",
        r"cookies?2?\\*+[\"']?[ \t]*+[:=][ \t]*+\\*+(?:\[(?P<list>)|[\"'])?+"
        r"(?P<secret>(?(list)[^\]]++|(?:(?!(?<!\\)\\*+[\"'])[^\r\n])++))",
        _password,
        flags=re.IGNORECASE,
    ),
    _rule(
        "signature",
        "sig",
        r"(?<![A-Za-z])(?:X-(?:Amz|Goog)-)?Sig(?:nature)?(?:=|%3D)(?P<secret>[^\s&\"'#,\\]++)",
        _token,
        flags=re.IGNORECASE,
    ),
    _rule(
        "signature",
        "x-amz-credential x-goog-credential",
        r"X-(?:Amz|Goog)-Credential(?:=|%3D)(?P<secret>[^\s&\"'#,\\]++)",
        flags=re.IGNORECASE,
    ),
    # An element of XML looks like a marker, so only one that is closed counts.
    _rule(
        "secret",
        "password> secret> token> key>",
        r"<(?P<name>[\w:.-]{0,30}(?:password|secret|token|key))>(?P<secret>[^<\r\n]{4,})</(?P=name)>",
        flags=re.IGNORECASE,
    ),
    _named("password", "passw passp passc pass pwd", PASSWORD, _password, word=""),
    _named(
        "api-key",
        "apikey api_key api-key auth_key auth-key authkey subscription functions app_key appkey app-key",
        API_KEY,
        _token,
    ),
    _named(
        "secret",
        "secret credential connection private encryption signing master access account storage",
        SECRET,
        _token,
    ),
    _named("token", "token jwt jsessionid phpsessid connect.sid", TOKEN, _token),
    _rule(
        "secret",
        "key auth signature hmac salt nonce license",
        rf"(?:key|auth|signature|hmac|salt|nonce|license){BESIDE}\\*+[\"']?+(?P<secret>[A-Za-z0-9+/_=-]{{24,}}+)",
        _random,
        flags=re.IGNORECASE,
    ),
    # Account ids: the last two digits stay, to tell accounts apart.
    _rule(
        "account",
        "arn:aws amazonaws.com .dkr.ecr",
        r"(?:arn:aws[a-z-]{0,16}:[a-z0-9-]{1,40}:[a-z0-9-]{0,30}:|amazonaws\.com/|(?<!\d)(?=\d{12}\.dkr\.ecr))"
        r"(?P<secret>\d{10})(?=\d\d(?!\d))",
    ),
    _rule(
        "account",
        "account",
        rf"account(?:[_-]?id)?{BESIDE}\\*+[\"']?+(?P<secret>\d{{10}})(?=\d\d(?!\d))",
        flags=re.IGNORECASE,
    ),
    _rule(
        "email",
        "@ %40",
        r"(?<![\w.+-])(?<!%(?=[0-9A-Fa-f]{2}))(?P<secret>(?:[\w.+-]|%(?!40)[0-9A-Fa-f]{2})++(?:@|%40)(?:[\w-]++\.)+[^\W\d_]{2,}+)",
    ),
    # Versions have four numbers too: behind a letter, a product and its slash, a name and its hyphen, or the word.
    _rule(
        "ip",
        ".",
        r"(?P<secret>[0-9](?=[0-9]{0,2}\.[0-9]{1,3}\.)(?<![\w.].)(?<!\w/.)(?<![A-Za-z]-.)(?<!==.)"
        r"(?<!ersion .)(?<!ersion: .)(?<!ersion=.)(?<!ersion\": \".)(?<!ersion\":\".)"
        r"[0-9]{0,2}(?:\.[0-9]{1,3}){3})(?!\w|\.\d|-[A-Za-z])",
        _address,
    ),
    _rule(
        "ip",
        ":",
        r"(?P<secret>[0-9A-Fa-f:](?=[0-9A-Fa-f]{0,3}:[0-9A-Fa-f:])(?<![\w:.].)[0-9A-Fa-f:]{5,38}+)(?![\w:])",
        _address,
    ),
    _rule("phone", "+ %2b", r"(?P<secret>(?:\+(?<![\w+.]\+)|%2[bB])[1-9](?:[ ().-]{0,2}\d){7,14})(?!\d)"),
    _rule(
        "phone",
        "phone mobile msisdn",
        rf"(?:phone|mobile|msisdn)(?:[_ -]?(?:number|no))?{BESIDE}\\*+[\"']?+(?P<secret>[(\d][\d ().-]{{5,18}}\d)(?!\d)",
        flags=re.IGNORECASE,
    ),
    _rule(
        "card",
        "3 4 5 6 2",
        r"(?P<secret>[2-6](?<![\w.+-].)(?:\d{12,18}+|\d{3}(?P<gap>[ -])(?:\d{4}(?P=gap)\d{4}(?P=gap)\d{4}|\d{6}(?P=gap)\d{4,5})))"
        r"(?![\w-]|\.\d)",
        _card,
    ),
    _rule(
        "iban",
        "0 1 2 3 4 5 6 7 8 9",
        r"(?P<secret>[A-Z](?<![A-Za-z0-9].)[A-Z][0-9]{2}"
        r"(?:[A-Z0-9]{11,30}+|(?: [A-Z0-9]{4}){2,7}+(?: [A-Z0-9]{1,3})?+))(?![A-Za-z0-9])",
        _iban,
    ),
    _rule(
        "ssn",
        "-",
        r"(?P<secret>[0-8](?<![\w.-].)[0-9]{2}(?<!000)(?<!666)-(?!00)[0-9]{2}-(?!0000)[0-9]{4})(?![\w-]|\.\d)",
    ),
)
RANDOM = "random"
KINDS = sorted({RANDOM, *(rule.kind for rule in RULES)})
MARKERS = re.compile(f"(?:<(?:{'|'.join(KINDS)})>)+")
