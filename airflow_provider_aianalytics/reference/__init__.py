# SPDX-License-Identifier: Apache-2.0
"""What people look up: a page for each dataset, made from the catalogue."""
