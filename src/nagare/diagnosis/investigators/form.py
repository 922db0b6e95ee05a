"""The form of an answer: hypotheses that cite evidence by id, with figures. The form is what is asked for; ``claims`` is what holds."""

from __future__ import annotations

from collections.abc import Collection

from nagare.diagnosis.models.json_text import Json

HYPOTHESES_MOST = 8
NO_PROPOSAL = ""
# The one sentence of an answer that needs no evidence.
NOT_TOLD = "The evidence does not tell."


def schema(causes: Collection[str], proposals: Collection[str]) -> dict[str, Json]:
    """Return the JSON Schema of an answer; ``causes`` and the ids of ``proposals`` are all that may stand in their places."""
    figure = _object(
        {"evidence": _text("id of the evidence"), "name": _text("name of the figure"), "value": {"type": "number"}}
    )
    hypothesis = _object(
        {
            "cause": {"type": "string", "enum": [*sorted(causes), "other"]},
            "title": _text("the cause in one sentence; every number in it stands in the cited evidence"),
            "host": _text("the host where the cause is"),
            "confidence": {"type": "number", "description": "probability that this is the cause, 0 to 1"},
            "evidence_for": _list(_text("id"), "ids of the evidence that speaks for it"),
            "evidence_against": _list(_text("id"), "ids of the evidence that speaks against it"),
            "began_with": _text("id of the evidence that shows the cause itself, empty where none does"),
            "led_to": _list(_text("id"), "ids of the evidence that shows what came of it"),
            "figures": _list(figure, "figures of the cited evidence, as they stand there"),
            "next_check": _text("what a person does first to be sure"),
            "proposal": {"type": "string", "enum": [NO_PROPOSAL, *proposals]},
        }
    )
    return _object(
        {
            "hypotheses": _list(
                hypothesis, f"the likeliest first, at most {HYPOTHESES_MOST}; none where the evidence does not tell"
            ),
            "answer": _text(
                "the answer to the question that was asked, every sentence of it citing evidence as [E1], or "
                f"'{NOT_TOLD}'; empty where nothing was asked"
            ),
        }
    )


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _text(text: str) -> Json:
    return {"type": "string", "description": text}


def _list(items: Json, text: str) -> Json:
    return {"type": "array", "items": items, "description": text}
