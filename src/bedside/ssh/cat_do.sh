# Run one plain command. $1: a word to begin with, then the command's words.
echo "$1"
shift
"$@"
