package chat

import "net/netip"

// Network is what limits count an address by. Who has one IPv6 address has the
// 2^64 of its network to ask from, so that is one; an IPv4 address is itself, also
// when it is written as IPv6. What is no address is itself.
func Network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, _ := addr.Prefix(64) // never fails, for an address of 128 bits
	return network.String()
}
