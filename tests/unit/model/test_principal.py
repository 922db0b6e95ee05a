from nagare.model.principal import ADMIN_PERMISSIONS, HOST_PERMISSIONS, Permission, Principal


def test_a_caller_may_what_was_given_and_nothing_else() -> None:
    host = Principal("h1", "web1", HOST_PERMISSIONS, host="web1")
    allowed = {permission for permission in Permission if host.may(permission)}
    assert allowed == {Permission.METRICS_WRITE, Permission.EVENTS_WRITE}
    assert not any(Principal("x", "nobody").may(permission) for permission in Permission)


def test_the_admin_may_everything() -> None:
    assert frozenset(Permission) == ADMIN_PERMISSIONS


def test_a_permission_reads_room_and_verb() -> None:
    assert all(len(permission.split(".")) == 2 for permission in Permission)
