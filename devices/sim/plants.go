package sim

import "fmt"

// Plant returns a plant by its name.
func Plant(name string, o Options) (Device, error) {
	switch name {
	case "pendulum":
		return Pendulum(o), nil
	case "aeropendulum":
		return Aeropendulum(o), nil
	case "spinner":
		return Spinner(o), nil
	case "plotter":
		return Plotter(o), nil
	case "calculator":
		return Calculator(o), nil
	}
	return nil, fmt.Errorf("sim: no plant %q: it is one of %v", name, Plants())
}

// FullSpeed reports whether a plant hangs on a USB line of its own, where a baud
// rate means nothing.
func FullSpeed(plant string) bool { return plant == "spinner" }

// Plants names the plants.
func Plants() []string {
	return []string{"aeropendulum", "calculator", "pendulum", "plotter", "spinner"}
}
