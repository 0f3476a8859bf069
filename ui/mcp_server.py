"""The tools `ask` and `retrieve` for programs that speak the Model Context Protocol, at `/mcp`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from starlette.routing import BaseRoute

from index import InputError, SourcierError
from ui.desk import Desk
from ui.programs import answered, retrieved

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]

_INSTRUCTIONS = (
    "Answers questions from the indexed documents only. Every sentence of an answer is copied from a document word for "
    "word and comes with its source; when `answered` is false, the documents do not say."
)


def mcp_routes(desk: Desk) -> tuple[Sequence[BaseRoute], Lifespan]:
    """Return the routes of an MCP server (streamable HTTP, no sessions), and what must run while they serve.

    Raises InputError where the package mcp is not installed.
    """
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp.server.transport_security import TransportSecuritySettings
    except ImportError as error:
        raise InputError("--mcp needs the package mcp; get it with: pip install 'sourcier[mcp]'") from error
    server = MCPServer(
        "sourcier", instructions=_INSTRUCTIONS, version=version("sourcier"), log_level="WARNING", subscriptions=False
    )

    @server.tool()
    async def ask(question: str, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer a question with sentences copied from the indexed documents, each with its source.

        `answered` is false when the documents do not say. `filters` takes some of after, before (dates), sources
        (patterns of paths), languages (codes), metadata.
        """
        try:
            return await answered(desk, question, filters)
        except SourcierError as error:
            raise ToolError(str(error)) from error

    @server.tool()
    async def retrieve(question: str, top_k: int = 5, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        """List the passages of the indexed documents that match a question best; `top_k` is from 1 to 100."""
        try:
            return await retrieved(desk, question, top_k, filters)
        except SourcierError as error:
            raise ToolError(str(error)) from error

    app = server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        # Host and origin are checked for every route alike, before this one.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    return app.routes, lifespan
