"""The knowledge base: its sources, and questions to it."""

from __future__ import annotations

from nagare.diagnosis.kb.service import RESULTS_LIMIT
from nagare.diagnosis.kb.views import passage_view, source_view, sync_reply
from nagare.errors import InputError
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.kb import AddRequest, SearchReply, SearchRequest, SourceList, SyncReply

_TEXT_LIMIT = 32_768


async def list_sources(call: Call) -> SourceList:
    """Return every source."""
    return SourceList([source_view(source) for source in await call.services.kb.sources()])


async def add_source(call: Call) -> SyncReply:
    """Begin a source and read it."""
    request = call.value
    call.note.tell(request.name or request.directory, after={"directory": request.directory})
    synced = await call.services.kb.add(call.principal, request.directory, request.name)
    source = synced.source
    call.note.tell(source.name, after={"directory": source.directory, "version": source.version, "pages": source.pages})
    return sync_reply(synced)


async def sync_source(call: Call) -> SyncReply:
    """Read a source again."""
    name = call.path("name")
    call.note.tell(name)
    synced = await call.services.kb.sync(name)
    call.note.tell(
        after={
            "version": synced.source.version,
            "added": synced.added,
            "changed": synced.changed,
            "removed": synced.removed,
        }
    )
    return sync_reply(synced)


async def remove_source(call: Call) -> None:
    """Forget a source with its pages."""
    name = call.path("name")
    call.note.tell(name)
    gone = await call.services.kb.remove(name)
    call.note.tell(before={"directory": gone.directory, "version": gone.version, "pages": gone.pages})


async def search(call: Call) -> SearchReply:
    """Return the passages that fit a question."""
    request = call.value
    if not 1 <= request.limit <= RESULTS_LIMIT:
        raise InputError(
            f"cannot search: 1 to {RESULTS_LIMIT} passages are lawful",
            errors=[{"pointer": "#/limit", "detail": f"1 to {RESULTS_LIMIT}"}],
        )
    if len(request.text) > _TEXT_LIMIT:
        raise InputError(
            f"cannot search: a question has {_TEXT_LIMIT} characters at most",
            errors=[{"pointer": "#/text", "detail": f"{_TEXT_LIMIT} characters at most"}],
        )
    kb = call.services.kb
    directories = {source.name: source.directory for source in await kb.sources()}
    found = await kb.search(request.text, request.limit, call.principal, request.source)
    return SearchReply([passage_view(rank, one, directories.get(one.source, "")) for rank, one in enumerate(found, 1)])


_ALL = "/api/v1/kb"
_ONE = f"{_ALL}/{{name}}"
ROUTES = (
    Route("GET", _ALL, list_sources, "Sources of the knowledge base", Permission.KB_READ, reply=SourceList),
    Route(
        "POST", _ALL, add_source, "Have the pages of a directory read", Permission.KB_WRITE,
        request=AddRequest, reply=SyncReply, action="kb.add", refuses=(409,),
    ),
    Route(
        "POST", f"{_ALL}/search", search, "Passages that fit a question, none where nothing does", Permission.KB_READ,
        request=SearchRequest, reply=SearchReply,
    ),
    Route(
        "POST", f"{_ONE}/sync", sync_source, "Read a source again", Permission.KB_WRITE,
        reply=SyncReply, action="kb.sync", refuses=(413,),
    ),
    Route(
        "DELETE", _ONE, remove_source, "Forget a source with its pages", Permission.KB_WRITE, action="kb.remove",
    ),
)  # fmt: skip
