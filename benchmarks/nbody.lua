local sqrt = math.sqrt
local sunMass = 4 * 3.141592653589793 * 3.141592653589793
local daysPerYear = 365.24

local function planet(x, y, z, vx, vy, vz, mass)
    return {
        x = x, y = y, z = z,
        vx = vx * daysPerYear, vy = vy * daysPerYear, vz = vz * daysPerYear,
        mass = mass * sunMass
    }
end

local function newSystem()
    local all = {
        { x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0, mass = sunMass },
        planet(4.84143144246472090, -1.16032004402742839, -0.10362204447112311,
            0.00166007664274403694, 0.00769901118419740425, -0.00006905169867435090, 0.000954791938424326609),
        planet(8.34336671824457987, 4.12479856412430479, -0.40352341711789204,
            -0.00276742510726862411, 0.00499852801234917238, 0.00023041729757376393, 0.000285885980666130812),
        planet(12.89436956213913, -15.1111514016986312, -0.22330757889265573,
            0.00296460137564761618, 0.00237847173959480950, -0.00029658956854023756, 0.0000436624404335156298),
        planet(15.3796971148509165, -25.9193146099879641, 0.17925877295037118,
            0.00268067772490389322, 0.00162824170038242295, -0.00009515922545197159, 0.0000515138902046611451)
    }
    local px, py, pz = 0.0, 0.0, 0.0
    for i = 2, #all do
        local p = all[i]
        px = px + p.vx * p.mass
        py = py + p.vy * p.mass
        pz = pz + p.vz * p.mass
    end
    local sun = all[1]
    sun.vx, sun.vy, sun.vz = -px / sunMass, -py / sunMass, -pz / sunMass
    return all
end

local bodies = newSystem()

local function step(dt)
    local n = #bodies
    for i = 1, n do
        local a = bodies[i]
        for j = i + 1, n do
            local b = bodies[j]
            local dx = a.x - b.x
            local dy = a.y - b.y
            local dz = a.z - b.z
            local square = dx * dx + dy * dy + dz * dz
            local pull = dt / (square * sqrt(square))
            a.vx = a.vx - dx * b.mass * pull
            a.vy = a.vy - dy * b.mass * pull
            a.vz = a.vz - dz * b.mass * pull
            b.vx = b.vx + dx * a.mass * pull
            b.vy = b.vy + dy * a.mass * pull
            b.vz = b.vz + dz * a.mass * pull
        end
    end
    for i = 1, n do
        local a = bodies[i]
        a.x = a.x + dt * a.vx
        a.y = a.y + dt * a.vy
        a.z = a.z + dt * a.vz
    end
    return bodies[1].x
end

local function energy()
    local e = 0.0
    local n = #bodies
    for i = 1, n do
        local a = bodies[i]
        e = e + 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz)
        for j = i + 1, n do
            local b = bodies[j]
            local dx = a.x - b.x
            local dy = a.y - b.y
            local dz = a.z - b.z
            e = e - a.mass * b.mass / sqrt(dx * dx + dy * dy + dz * dz)
        end
    end
    return e
end

local function simulate(steps)
    bodies = newSystem()
    for _ = 1, steps do step(0.01) end
    return energy()
end

dofile((arg[0]:match("^.*/") or "./") .. "peer.lua") { step = step, simulate = simulate }
