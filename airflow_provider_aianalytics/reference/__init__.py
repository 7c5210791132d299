# SPDX-License-Identifier: Apache-2.0
"""Reference pages: one for each dataset, generated from the catalogue."""
