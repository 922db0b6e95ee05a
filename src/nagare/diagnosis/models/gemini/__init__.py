"""Gemini through google-genai, Google's own client; loaded only where one is configured."""
