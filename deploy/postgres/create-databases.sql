-- One database for each service: none can reach into another's tables.
CREATE DATABASE intake;
CREATE DATABASE scoring;
CREATE DATABASE routing;
CREATE DATABASE "sla-monitor";
CREATE DATABASE reporting;
