"""The OTLP messages: requests read, replies and errors written, in the type in which the client speaks.

The messages are OpenTelemetry's own classes; they are loaded by the first request, not by the start of the server.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from nagare.errors import InputError, UnsupportedMediaError
from nagare.lib.plain_text import plain
from nagare.wire.codec import decode_any, encode

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_TEXT_LIMIT = 1000


def check_media(media: str) -> str:
    """Return ``media`` if OTLP speaks it. Raises UnsupportedMediaError."""
    if media not in (PROTOBUF, JSON):
        raise UnsupportedMediaError(
            f"cannot read content type {plain(media, 80)!r} as OTLP", hint=f"send {PROTOBUF} or {JSON}"
        )
    return media


def read_request(body: bytes, media: str) -> ExportMetricsServiceRequest:
    """Return the request in ``body``; unknown fields are ignored. Raises InputError."""
    message: ExportMetricsServiceRequest = _service().ExportMetricsServiceRequest()
    if media == JSON:
        _read_json(body, message)
        return message
    from google.protobuf.message import DecodeError  # noqa: PLC0415  loaded by the first request

    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise InputError(f"cannot read OTLP request: {plain(str(error), 200)}") from error
    return message


def write_reply(media: str, rejected: int, text: str) -> bytes:
    """Return the reply that says how many data points were rejected, and why; empty when none was."""
    message = _service().ExportMetricsServiceResponse()
    if rejected or text:
        message.partial_success.rejected_data_points = rejected
        message.partial_success.error_message = text[:_TEXT_LIMIT]
    if media != JSON:
        return bytes(message.SerializeToString())
    from google.protobuf import json_format  # noqa: PLC0415  loaded by the first request

    text_form: str = json_format.MessageToJson(message, indent=None)
    return text_form.encode()


def write_status(media: str, code: int, text: str) -> bytes:
    """Return ``google.rpc.Status`` with a canonical ``code``, by hand: two fields are not worth a library."""
    if media == JSON:
        return encode({"code": code, "message": text[:_TEXT_LIMIT]})
    message = text[:_TEXT_LIMIT].encode(errors="replace")
    size = len(message)
    length = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([0x08, code, 0x12]) + length + message


def _read_json(body: bytes, message: Any) -> None:
    from google.protobuf import json_format  # noqa: PLC0415  loaded by the first request

    document = decode_any(body)
    if not isinstance(document, dict):
        raise InputError("cannot read OTLP request: it must be a JSON object")
    try:
        json_format.ParseDict(document, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise InputError(f"cannot read OTLP request: {plain(str(error), 300)}") from error


@cache
def _service() -> Any:
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # noqa: PLC0415  60 ms and 8 MB

    return metrics_service_pb2
