package ws

func modes() map[string]Mode { return map[string]Mode{"goroutine": Goroutine, "epoll": Epoll} }
