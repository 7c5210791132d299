# SPDX-License-Identifier: Apache-2.0
"""What each API promises, as data: a reader of this folder should learn the APIs from it."""
