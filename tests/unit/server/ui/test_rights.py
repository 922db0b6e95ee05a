"""What dashboards in browsers may."""

from nagare.identity.users.roles import BUILT_IN
from nagare.model.principal import Permission, Principal
from nagare.server.ui.rights import allowed


def _may(role: str, *more: Permission, shells: bool = False) -> frozenset[Permission]:
    return allowed(Principal("s", "ada", BUILT_IN[role].permissions | set(more)), shells=shells)


def test_without_a_word_of_the_role_it_reads_and_nothing_else() -> None:
    for role in ("viewer", "operator"):
        assert all(name.endswith(".read") for name in _may(role, shells=True)), role


def test_a_role_that_says_so_may_act_but_open_no_shell() -> None:
    acts = _may("operator", Permission.UI_ACT)
    assert {Permission.COMMANDS_RUN, Permission.ALERTS_WRITE} <= acts
    assert Permission.SHELLS_OPEN not in acts


def test_a_shell_needs_the_role_and_the_setting() -> None:
    assert Permission.SHELLS_OPEN in _may("operator", Permission.UI_ACT, shells=True)
    assert Permission.SHELLS_OPEN not in _may("viewer", Permission.UI_ACT, shells=True)


def test_not_even_an_administrators_touches_accounts_secrets_and_the_second_person() -> None:
    never = {
        Permission.ACCOUNT_WRITE, Permission.USERS_READ, Permission.USERS_WRITE, Permission.ROLES_WRITE,
        Permission.SESSIONS_READ, Permission.SESSIONS_WRITE, Permission.IDENTITY_ROTATE, Permission.SYSTEM_BACKUP,
        Permission.AUDIT_READ, Permission.HOSTS_MINT, Permission.COMMANDS_BREAK_GLASS, Permission.COMMANDS_ROTATE,
        Permission.UPDATES_PUBLISH, Permission.UI_OPEN, Permission.UI_ACT, Permission.MODELS_READ,
    }  # fmt: skip
    assert not _may("admin", shells=True) & never
