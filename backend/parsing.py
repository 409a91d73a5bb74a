"""JSON exactly as written: what Python's decoder would quietly repair is refused."""

import json
import re
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from backend.errors import PayloadTooLarge

MAX_DEPTH = 16
MAX_KEYS_PER_OBJECT = 200
# A number of more characters is a mistake or an attack on the decoder.
MAX_NUMBER_CHARACTERS = 32
# A text, also one that never ends. Nothing is tried twice, so hostile ones take no longer.
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        """Decode one UTF-8 JSON text. Raises `ParseError` (400), 413 or 415, never echoing it."""
        request = parser_context["request"]
        if "*" in request.content_type:  # DRF takes a wildcard for ours
            raise UnsupportedMediaType(request.content_type)
        if request.META.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise UnsupportedMediaType(media_type or "", "Content-Encoding is not supported.")
        _only_utf8(media_type or "")
        limit = getattr(parser_context["view"], "max_body_bytes", settings.MAX_BODY_BYTES)
        if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise PayloadTooLarge(limit)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(limit)
        return decode(body)


def _only_utf8(media_type: str) -> None:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() != "charset" or value.strip('"').lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type, "Only UTF-8 is supported.")


def decode(body: bytes) -> Any:
    """Strict JSON. Raises `ParseError` with the reason and no part of the text."""
    try:
        text = body.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise ParseError("The body is not valid UTF-8.") from None
    if _too_deep(text):
        raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ParseError(f"The body is not valid JSON at {place}.") from None


def _too_deep(text: str) -> bool:
    """Found without recursion: the decoder itself recurses."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKET.findall(_TEXT.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS_PER_OBJECT:
        raise ParseError(f"An object has more than {MAX_KEYS_PER_OBJECT} keys.")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("An object holds the same key twice.")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ParseError("NaN and Infinity are not JSON numbers.")


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARACTERS:
        raise ParseError(f"A number has more than {MAX_NUMBER_CHARACTERS} characters.")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if len(digits) > MAX_NUMBER_CHARACTERS or value in (float("inf"), float("-inf")):
        raise ParseError("A number is too long or too large.")
    return value + 0.0  # -0.0 becomes 0.0
