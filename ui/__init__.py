"""What people use: the command and the browser chat."""

import os

# Gradio and the hub client read these while they are imported: no telemetry, no look-ups.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
