# SPDX-License-Identifier: Apache-2.0
"""How records become rows of a typed table: one documented column for each known field."""
