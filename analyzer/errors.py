"""The few things that can go wrong, each a plain sentence to the person who ran the command.

    ReportlineError          base; `exit_code` is what the command line ends with
    ├── UserError       (2)  an option, a path, a rule, a template or a setting must be mended
    │   └── Unwritable       the lake cannot take any more: the disk is full, or nobody may write there
    └── NoInvocations   (3)  the input was read, and it holds nothing to report on

Anything else that escapes is a bug and ends with 70. Bad log lines are never an exception: they are data, counted and shown.
"""


class ReportlineError(Exception):
    exit_code = 70


class UserError(ReportlineError):
    exit_code = 2


class Unwritable(UserError):
    pass


class NoInvocations(ReportlineError):
    exit_code = 3
