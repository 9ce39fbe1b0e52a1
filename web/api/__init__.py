"""The API for programs: always JSON, always described in /openapi.json."""
