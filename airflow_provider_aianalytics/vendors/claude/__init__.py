# SPDX-License-Identifier: Apache-2.0
"""The two families of the Claude Enterprise Analytics API. Section numbers are those of its wire contract."""
