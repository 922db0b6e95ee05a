"""Models behind one seam: Gemini, and whatever speaks as OpenAI's endpoint does. What they may cost, and how they are tried again."""
