"""What ``[diagnosis]`` may say."""

from dataclasses import replace
from pathlib import Path

import pytest

from nagare.config.diagnosis import DiagnosisSettings, check_diagnosis

LOCAL = DiagnosisSettings(provider="openai", model="qwen3", endpoint="http://127.0.0.1:11434/v1")
GEMINI = DiagnosisSettings(provider="gemini", model="gemini-3.8-flash", secret_variable="GEMINI_API_KEY")


@pytest.mark.parametrize(
    "settings",
    [
        DiagnosisSettings(),
        LOCAL,
        GEMINI,
        replace(LOCAL, endpoint="https://models.example/v1"),
        replace(LOCAL, endpoint="http://gpu1:8000/v1", insecure=True),
    ],
)
def test_a_lawful_section_is_taken(settings: DiagnosisSettings) -> None:
    assert check_diagnosis(settings) == ""


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (replace(LOCAL, model=""), "needs a model"),
        (replace(LOCAL, endpoint=""), "needs an endpoint"),
        (replace(LOCAL, endpoint="http://gpu1:8000/v1"), "without TLS"),
        (replace(GEMINI, secret_variable=""), "needs secret_file or secret_variable"),
        (replace(GEMINI, secret_file=Path("/key")), "not both"),
    ],
)
def test_an_unlawful_one_is_told(settings: DiagnosisSettings, fault: str) -> None:
    assert fault in check_diagnosis(settings)
