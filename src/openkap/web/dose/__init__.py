"""Pages of the watched session: the chair, the board, the gate and the doors beside it, the drug ledger."""
