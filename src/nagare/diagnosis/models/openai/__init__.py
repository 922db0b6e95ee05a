"""Any endpoint that speaks as OpenAI's chat completions do: OpenAI itself, and local ones such as Ollama, llama.cpp and vLLM."""
