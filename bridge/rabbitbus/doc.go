// Package rabbitbus is edge.Bus on RabbitMQ.
package rabbitbus
