# SPDX-License-Identifier: Apache-2.0
"""The simulated Claude Enterprise Analytics API, written from its wire contract."""
