"""What can go wrong between the command line and a running Lumina."""

from lumina_kit.errors import Invalid, LuminaError, NotFound, Unavailable


class NotRunning(Unavailable):
    code = "not_running"
    title = "Lumina does not answer"


class NoKey(Invalid):
    code = "no_key"
    title = "No key to call Lumina with"


class CallRefused(LuminaError):
    """The API or the gateway answered with an error; the message is its own."""

    code = "call_refused"
    title = "Lumina refused the call"


class NoSuchName(NotFound):
    code = "no_such_name"
    title = "Nothing has this name"


class AmbiguousName(Invalid):
    code = "ambiguous_name"
    title = "More than one thing has this name"


class UnreadableFile(Invalid):
    code = "unreadable_file"
    title = "The file cannot be read"


class AnswerBroke(Unavailable):
    code = "answer_broke"
    title = "The answer ended early"


class LedgerBroken(LuminaError):
    code = "ledger_broken"
    title = "The audit log is not what was written"


class ConfigWrong(Invalid):
    code = "config_wrong"
    title = "The configuration cannot be served"
