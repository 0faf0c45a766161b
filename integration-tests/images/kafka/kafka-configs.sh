#!/bin/sh
exec java -cp '/opt/kafka/libs/*' -XX:TieredStopAtLevel=1 -Xmx128m kafka.admin.ConfigCommand "$@"
