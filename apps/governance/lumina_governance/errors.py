"""What can be wrong with people, keys, projects and sign-in."""

from lumina_kit.errors import Conflict, Invalid, NotFound, Refused, TooMany, Unauthenticated


class ProjectNotFound(NotFound):
    code = "project_not_found"
    title = "No such project"


def no_project(id_or_slug: str) -> ProjectNotFound:
    """The same for a project that is not there and one that is not the caller's."""
    return ProjectNotFound(
        f"There is no project {id_or_slug[:80]!r} that you belong to.",
        next_step="`lumina projects ls` lists them.",
    )


class ProjectTaken(Conflict):
    code = "project_taken"
    title = "The name of the project is taken"


class PersonNotFound(NotFound):
    code = "person_not_found"
    title = "No such person"


def no_person(id_or_login: str) -> PersonNotFound:
    """The same for a person who is not there and one whom the caller may not see."""
    return PersonNotFound(f"There is no person {id_or_login[:80]}.", next_step="`lumina people ls` lists them.")


class PersonDisabled(Conflict):
    code = "person_disabled"
    title = "The person is disabled"


class LoginTaken(Conflict):
    code = "login_taken"
    title = "The login name is taken"


class LastAdmin(Conflict):
    code = "last_admin"
    title = "The last admin must stay"


class KeyNotFound(NotFound):
    code = "key_not_found"
    title = "No such key"


def no_key() -> KeyNotFound:
    """The same for a key that is not there and one of another project."""
    return KeyNotFound("There is no such key in this project.", next_step="`lumina keys ls` lists them.")


class AboveMaker(Refused):
    code = "above_maker"
    title = "A key may not do more than its maker"


class NoBudget(Invalid):
    code = "no_budget"
    title = "A period without a budget"


class LimitedMaker(Refused):
    code = "limited_maker"
    title = "A key with limits makes no keys"


class RaisedLimit(Refused):
    code = "raised_limit"
    title = "Only an admin may raise a limit"


class RevokedKey(Conflict):
    code = "revoked_key"
    title = "The key is revoked"


class AliasTaken(Conflict):
    code = "alias_taken"
    title = "Another key has this alias"


class UnknownDuration(Invalid):
    code = "unknown_duration"
    title = "No duration that counts here"


class NotLiteLlms(Invalid):
    code = "not_supported"
    title = "LiteLLM has this, and Lumina has not"


class PastExpiry(Invalid):
    code = "past_expiry"
    title = "The key would have expired already"


class WrongCredentials(Unauthenticated):
    code = "wrong_credentials"
    title = "Login or password is wrong"


class SignedOut(Unauthenticated):
    code = "signed_out"
    title = "Not signed in any more"


class UnknownKey(Unauthenticated):
    code = "unknown_key"
    title = "The key is not in force"


class LinkSpent(Unauthenticated):
    code = "link_spent"
    title = "The sign-in link does not work any more"


class TooManySignIns(TooMany):
    code = "too_many_sign_ins"
    title = "Too many tries to sign in"


class NotYourKey(Refused):
    code = "not_your_key"
    title = "Someone else made the key"


class NotAPerson(Refused):
    code = "not_a_person"
    title = "A key cannot do this"


class BuiltinKey(Conflict):
    code = "builtin_key"
    title = "The built-in key must stay"


class GrantNotFound(NotFound):
    code = "grant_not_found"
    title = "No such grant"


class NotInProject(Conflict):
    code = "not_in_project"
    title = "The person is not in the project"
