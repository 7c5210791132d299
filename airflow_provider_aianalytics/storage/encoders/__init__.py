# SPDX-License-Identifier: Apache-2.0
"""How records become a file: one module a format."""
