"""The on-demand process that calls providers of other wire formats through the LiteLLM library."""
