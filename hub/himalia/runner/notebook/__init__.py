"""Executing notebooks, in the platform's interpreter."""

import sys

# Importing nbformat imports jsonschema, which would build a grammar of internationalised URIs if it can: more than
# a second of processor time for each executor, and no notebook needs it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
