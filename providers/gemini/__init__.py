"""Google's Gemini API: what is said in its words, what its events say, and what the lab does beside talking."""
