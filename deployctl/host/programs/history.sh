# history.sh: the last LINES runs that ended, oldest first.  STATE_DIR LINES

put history "$(tail -n "$LINES" "$STATE_DIR/history.jsonl" 2>/dev/null)"
