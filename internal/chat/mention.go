package chat

import "strings"

// MentionedNames lists the folded names that text addresses as @name, each once,
// at most [MaxMentions] of them, and says whether it addresses @all. A name
// begins where no letter, digit, dot or @ stands before the @, so that e-mail
// addresses mention nobody; a full stop or comma behind a name ends it.
func MentionedNames(text string) (names []string, all bool) {
	seen := map[string]bool{}
	for i := strings.IndexByte(text, '@'); i >= 0 && i < len(text); {
		end := i + 1
		for end < len(text) && nameByte(text[end]) {
			end++
		}
		name := strings.TrimRight(strings.ToLower(text[i+1:end]), "._-")
		if name != "" && len(name) <= 32 && (i == 0 || !nameByte(text[i-1]) && text[i-1] != '@') && !seen[name] {
			seen[name] = true
			if name == "all" {
				all = true
			} else if len(names) < MaxMentions {
				names = append(names, name)
			}
		}
		next := strings.IndexByte(text[end:], '@')
		if next < 0 {
			break
		}
		i = end + next
	}
	return names, all
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}
