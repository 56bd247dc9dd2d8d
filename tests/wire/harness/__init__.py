# SPDX-License-Identifier: MIT
"""What the wire tests stand on: servers, connections, transcripts and the runner. Standard library only."""
