# SPDX-License-Identifier: Apache-2.0
"""What landed, what is late and what it came to, from the manifests alone: for a terminal, for machines, as a page."""
