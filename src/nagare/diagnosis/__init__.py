"""What is wrong, why, and what to do: evidence from the metric store, hypotheses over it, and a verifier that lets nothing stand unshown."""
