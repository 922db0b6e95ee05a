"""Investigators: a model looks at one side of a case each, with tools that only read; a coordinator weighs what they say."""
